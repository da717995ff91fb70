//! The scripts: what the store asked the server for one event, with its parameters made into those of any call.

use std::fs;
use std::path::Path;

use call_core::port::Store as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store_postgres::PostgresStore;

use crate::database::Place;
use crate::production::hook;
use crate::workload::Workload;

/// The id of call number `n`, and its leg.
pub(super) const UUID: &str = "lpad(n::text, 32, '0')::uuid";
pub(super) const LEG: &str = "'CA' || lpad(n::text, 32, '0')";

/// Each client takes its own calls in turn, and so knows their versions.
const TURN: &str = "\\set turn :turn + 1
\\set n :client_id + :clients * (:turn % :own)
\\set base :first + :turn / :own
\\set version :base + 1
\\set deadline 1900000000000 + :turn
";

/// What loads and what commits the least: no look at legs, and nobody is told who has lost.
const PLAIN: &str = "SELECT c.version, b.birth::text, c.state::text
FROM calls AS c JOIN births AS b ON b.call = c.id WHERE c.id = :id;
WITH moved AS (
    UPDATE calls SET version = :version, phase = 'live', deadline = :deadline, state = :state::json
    WHERE id = :id AND version = :base RETURNING id),
noted AS (
    INSERT INTO journal (call, version, at, entry)
    SELECT id, :base::int8, :deadline::int8, :entry::json FROM moved RETURNING call)
INSERT INTO outbox (call, version, place, kind, effect, since, visible)
    SELECT call, :version::int8, 0, 'publish', :effect::json, :deadline::int8, :deadline::int8 FROM noted;
";

pub(super) fn plain() -> String {
    format!("{TURN}{}", PLAIN.replace(":id", &UUID.replace("n:", ":n:")))
}

/// One event that the store has loaded and committed.
pub(super) struct Sample {
    load: Heard,
    commit: Heard,
    /// Texts of parameters, and what stands in the scripts for them.
    texts: Vec<(String, String)>,
    /// Those that differ between calls and turns.
    varying: Vec<(String, String)>,
}

impl Sample {
    /// Has the store handle an event, and keeps its call before that in the schema `sample`.
    pub(super) async fn take(place: &Place) -> Self {
        let mut connection = PgConnection::connect(&place.url).await.unwrap();
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.unwrap();
        let listen = format!("ALTER DATABASE {name} SET log_min_duration_statement = 0");
        sqlx::raw_sql(AssertSqlSafe(listen)).execute(&mut connection).await.unwrap();

        let store = PostgresStore::open(&place.url, &store_postgres::Options::default()).await.unwrap();
        let workload = Workload::new(1);
        let mut steps = workload.steps(&hook()).into_iter();
        let (birth, ringing, answered) = (workload.births()[0].clone(), steps.next().unwrap(), steps.next().unwrap());
        store.commit(birth).await.unwrap();
        store.commit(ringing).await.unwrap();
        let keep = "CREATE SCHEMA sample; CREATE TABLE sample.calls AS TABLE calls;
            CREATE TABLE sample.births AS TABLE births; CREATE TABLE sample.legs AS TABLE legs";
        sqlx::raw_sql(keep).execute(&mut connection).await.unwrap();
        store.load(answered.call.id()).await.unwrap();
        store.commit(answered.clone()).await.unwrap();
        store.close().await;

        let deaf = format!("ALTER DATABASE {name} RESET log_min_duration_statement");
        sqlx::raw_sql(AssertSqlSafe(deaf)).execute(&mut connection).await.unwrap();
        let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        // Where the crate `databases` has its servers write what they have to say.
        let log = fs::read_to_string(Path::new(&data).with_file_name("log")).unwrap();
        let heard = Heard::all(&log);
        let last = |commits: bool| heard.iter().rfind(|heard| heard.sql.contains("UPDATE calls") == commits).unwrap();

        let call = &answered.call;
        let (id, leg) = (call.id().to_string(), &call.legs().first().unwrap().leg.id);
        let varying = [
            (format!("{{{id}}}"), format!("ARRAY[{}]", UUID.replace("n:", ":n:"))),
            (format!("{{{leg}}}"), format!("ARRAY[{}]", LEG.replace("n:", ":n:"))),
            (format!("{{{}}}", answered.base), "ARRAY[:base]".to_owned()),
            (format!("{{{}}}", call.version()), "ARRAY[:version]".to_owned()),
            (format!("{{{}}}", call.next_deadline().unwrap().as_millis()), "ARRAY[:deadline]".to_owned()),
        ];
        let text = |name: &str, text: String| (name.to_owned(), text);
        let texts = vec![
            text("first", answered.base.to_string()),
            text("state", answered.to_json().unwrap().1),
            text("entry", serde_json::to_string(&answered.entries[0]).unwrap()),
            text("effect", serde_json::to_string(&answered.effects[0].1).unwrap()),
        ];
        let mut sample = Self { load: last(false).clone(), commit: last(true).clone(), texts, varying: varying.into() };
        let others = [&sample.load, &sample.commit].into_iter().flat_map(|heard| heard.parameters.clone());
        let others: Vec<String> =
            others.filter(|value| !sample.varying.iter().any(|(known, _)| known == value)).collect();
        for (n, value) in others.into_iter().enumerate() {
            sample.texts.push((format!("p{n}"), value));
        }
        sample
    }

    /// Values of the variables that the scripts name.
    pub(super) fn texts(&self) -> &[(String, String)] {
        &self.texts
    }

    pub(super) fn ours(&self) -> String {
        let [load, commit] = [&self.load, &self.commit].map(|heard| heard.with(|value| self.variable(value)));
        format!("{TURN}{load};\n{commit};\n")
    }

    fn variable(&self, value: &str) -> String {
        if let Some((_, expression)) = self.varying.iter().find(|(known, _)| known == value) {
            return expression.clone();
        }
        let (name, _) = self.texts.iter().rfind(|(_, text)| text == value).unwrap();
        format!(":{name}")
    }
}

/// A statement that the server has executed.
#[derive(Clone)]
struct Heard {
    sql: String,
    parameters: Vec<String>,
}

impl Heard {
    /// Every statement with parameters in a log: `… execute NAME: STATEMENT`, its further lines indented by a tab, then
    /// `… DETAIL:  parameters: $1 = 'VALUE', …`.
    fn all(log: &str) -> Vec<Self> {
        let log = log.replace("\n\t", "\u{1}");
        let mut heard = Vec::new();
        let mut sql = None;
        for line in log.lines() {
            if let Some((_, statement)) = line.split_once(" ms  execute ") {
                sql = statement.split_once(": ").map(|(_, sql)| sql.replace('\u{1}', "\n"));
            } else if let (Some((_, list)), Some(sql)) = (line.split_once("DETAIL:  parameters: "), sql.take()) {
                heard.push(Self { sql, parameters: values(list) });
            }
        }
        heard
    }

    /// The statement with something else for each parameter.
    fn with(&self, expression: impl Fn(&str) -> String) -> String {
        // From the last: `$1` begins `$10`.
        let numbered = self.parameters.iter().enumerate().rev();
        numbered.fold(self.sql.clone(), |sql, (n, value)| sql.replace(&format!("${}", n + 1), &expression(value)))
    }
}

/// `$1 = 'a', $2 = 'it''s'`.
fn values(list: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, quoted)) = rest.split_once(" = '") {
        let mut value = String::new();
        let mut from = quoted;
        loop {
            let (part, after) = from.split_once('\'').unwrap();
            value.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    value.push('\'');
                    from = more;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        values.push(value);
    }
    values
}
