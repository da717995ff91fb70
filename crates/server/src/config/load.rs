//! Layers: the embedded defaults, under one TOML file, under the environment. Collects every problem, not the first.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Profile, Provider as _};

use super::{Config, DEFAULTS, Secrets, StoreUrl};

/// What an environment variable begins with if it is a setting.
const PREFIX: &str = "CALL_SERVER__";
/// The file that is read if none is named.
const USUAL_FILE: &str = "call-server.toml";
/// Keys that are looked for in the environment and refused in the file, with the key that may name a file instead.
const SECRETS: [(&str, &str); 6] = [
    ("api.tokens", "api.tokens_file"),
    ("twilio.auth_token", "twilio.auth_token_file"),
    ("twilio.api_key_secret", "twilio.api_key_secret_file"),
    ("telnyx.api_key", "telnyx.api_key_file"),
    ("retell.api_key", "retell.api_key_file"),
    ("functions.token", "functions.token_file"),
];
/// Keys whose value is a choice of shapes, so that what is below them is checked by their type.
const SHAPES: [&str; 3] = ["policy.stale.close", "inbound.script", "inbound.numbers"];

/// One thing that is wrong with the configuration, and how to put it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key to set.
    pub key: String,
    /// What is wrong and what to do, as one sentence.
    pub sentence: String,
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { key: key.into(), sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.sentence)
    }
}

/// All that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot work:\n{}", .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// Where the configuration comes from. Its variables may be secrets, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Source {
    file: Option<(PathBuf, String)>,
    environment: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl Source {
    /// The named file, or `call-server.toml` if there is one, and this process's environment.
    #[must_use]
    pub fn of_process(file: Option<&Path>) -> Self {
        let mut source = Self::default().with_environment(std::env::vars_os().filter_map(|(key, value)| {
            let key = key.into_string().ok().filter(|key| key.starts_with(PREFIX))?;
            Some((key, value.into_string().ok()?))
        }));
        let path = file.unwrap_or(Path::new(USUAL_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => source.file = Some((path.to_owned(), text)),
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => source.problems.push(Problem::new(path.display().to_string(), format!("{error}"))),
        }
        source
    }

    /// The same, with this text as the file.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.file = Some((USUAL_FILE.into(), text.into()));
        self
    }

    /// The same, with these variables besides.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// The file that was read, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// Every key that is unknown, has a wrong type, or is a secret in the file.
    pub fn read(&self) -> Result<Config, Problems> {
        let mut problems = self.problems.clone();
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let known = defaults.data().map(plain).unwrap_or_default();
        let mut layers = defaults.clone();
        if let Some((path, text)) = &self.file {
            match Figment::from(Toml::string(text)).data() {
                Ok(file) => {
                    let file = keep_known(plain(file), &known, "", &mut problems);
                    problems.extend(password_in(&file));
                    layers = layers.merge(Serialized::defaults(file));
                }
                Err(error) => problems.push(Problem::new(path.display().to_string(), error.to_string())),
            }
        }
        for (name, value) in &self.environment {
            let path = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
            if SECRETS.iter().any(|(secret, _)| *secret == path) {
                continue;
            }
            match parse(&path, value, &known) {
                Some(value) => layers = layers.merge(Serialized::default(&path, value)),
                None => problems.push(Problem::new(name, "there is no such setting; see config.default.toml")),
            }
        }
        let config = extract(layers, &defaults, &mut problems);
        let config = config.map(|config| self.with_secrets(config, &mut problems));
        let config = config.map(|config| self.with_store_url(config, &mut problems));
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            Some(_) | None => Err(Problems(problems)),
        }
    }

    fn with_secrets(&self, mut config: Config, problems: &mut Vec<Problem>) -> Config {
        let mut find = |(key, file_key): (&str, &str), file: Option<&PathBuf>| {
            let name = variable(key);
            let given = self.environment.iter().find(|(n, _)| *n == name);
            let read = match (given, file) {
                (Some((_, text)), _) => Ok(Secrets::parse(text)),
                (None, Some(path)) => Secrets::read(path),
                (None, None) => Ok(Secrets::default()),
            };
            read.unwrap_or_else(|sentence| {
                problems.push(Problem::new(file_key, sentence));
                Secrets::default()
            })
        };
        let [tokens, auth_token, api_key_secret, telnyx, retell, functions] = SECRETS;
        config.api.tokens = find(tokens, config.api.tokens_file.as_ref());
        config.twilio.auth_tokens = find(auth_token, config.twilio.auth_token_file.as_ref());
        config.twilio.api_key_secret = find(api_key_secret, config.twilio.api_key_secret_file.as_ref());
        config.telnyx.api_key = find(telnyx, config.telnyx.api_key_file.as_ref());
        config.retell.api_keys = find(retell, config.retell.api_key_file.as_ref());
        config.functions.token = find(functions, config.functions.token_file.as_ref());
        config
    }
}

impl Source {
    /// The store's URL comes from the environment before the file that it names, and from there before this text.
    fn with_store_url(&self, mut config: Config, problems: &mut Vec<Problem>) -> Config {
        let name = variable("store.url");
        if let Some(path) = &config.store.url_file
            && !self.environment.iter().any(|(n, _)| *n == name)
        {
            match std::fs::read_to_string(path) {
                Ok(url) => config.store.url = StoreUrl::from(url),
                Err(error) => {
                    let sentence = format!("cannot read {}: {error}", path.display());
                    problems.push(Problem::new("store.url_file", sentence));
                }
            }
        }
        config
    }
}

/// A store's password, which is a secret like the others.
fn password_in(file: &Dict) -> Option<Problem> {
    let url = file.get("store")?.find_ref("url")?.as_str().map(StoreUrl::from)?;
    let sentence = format!(
        "has a password, which is not taken from this file; set {} or name a file in store.url_file",
        variable("store.url")
    );
    url.has_secret().then(|| Problem::new("store.url", sentence))
}

/// The environment variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// The known part of what was written; the rest becomes problems.
pub(super) fn keep_known(written: Dict, known: &Dict, above: &str, problems: &mut Vec<Problem>) -> Dict {
    let mut kept = Dict::new();
    for (key, value) in written {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        if let Some((_, file_key)) = SECRETS.iter().find(|(secret, _)| *secret == path) {
            let sentence = format!(
                "is a secret, which is not taken from this file; set {} or name a file in {file_key}",
                variable(&path)
            );
            problems.push(Problem::new(path, sentence));
        } else if SHAPES.contains(&path.as_str()) {
            kept.insert(key, value);
        } else {
            match (known.get(&key), value) {
                (Some(Value::Dict(_, known)), Value::Dict(tag, below)) => {
                    kept.insert(key, Value::Dict(tag, keep_known(below, known, &path, problems)));
                }
                (None, Value::Dict(tag, below)) if SHAPES.iter().any(|s| s.starts_with(&format!("{path}."))) => {
                    let below = keep_known(below, &Dict::new(), &path, problems);
                    kept.insert(key, Value::Dict(tag, below));
                }
                (Some(_), value) => {
                    kept.insert(key, value);
                }
                (None, _) => {
                    problems.push(Problem::new(path, "there is no such setting; see config.default.toml"));
                }
            }
        }
    }
    kept
}

/// An environment variable's value, read as what the default is: a number that people call is not a number.
fn parse(path: &str, text: &str, known: &Dict) -> Option<Value> {
    let any = || Value::from_str(text).unwrap_or_else(|never| match never {});
    if SHAPES.iter().any(|shape| path == *shape || path.starts_with(&format!("{shape}."))) {
        return Some(any());
    }
    let (section, below) = path.split_once('.')?;
    match known.get(section)?.find_ref(below)? {
        Value::String(..) => Some(Value::from(text)),
        Value::Dict(..) => None,
        Value::Num(..) | Value::Bool(..) | Value::Char(..) | Value::Array(..) | Value::Empty(..) => Some(any()),
    }
}

/// Reads the layers, putting the default in place of each value of a wrong type until the rest can be read.
fn extract(mut layers: Figment, defaults: &Figment, problems: &mut Vec<Problem>) -> Option<Config> {
    loop {
        let error = match layers.extract::<Config>() {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let path = error.path.join(".");
        let unseen = !problems.iter().any(|p| p.key == path);
        problems.push(Problem::new(path.clone(), error.kind.to_string()));
        let default = defaults.find_value(&path).ok().filter(|_| unseen)?;
        layers = layers.merge(Serialized::default(&path, default));
    }
}

/// The keys and values of a source that names no profiles.
pub(super) fn plain(mut data: Map<Profile, Dict>) -> Dict {
    data.remove(&Profile::Default).unwrap_or_default()
}
