//! `docs/transitions.md` is what the machine does: written by playing every input in every phase, and checked here.
//!
//! To write it anew: `UPDATE_DOCS=1 cargo test -p call-core --test docs`

#![allow(missing_docs, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use call_core::testkit::script::{Scene, describe};
use call_core::{Conduct, Effect, PhaseName, Policy, Script, Timer};

/// How to come to each phase, and its name in the head of a table.
const PHASES: [(&str, &str); 5] = [
    ("Dialing", ""),
    ("Ringing", "1s dialed accepted; 2s ringing"),
    ("Live", "1s dialed accepted; 2s ringing; 4s answered"),
    ("Ending", "1s dialed accepted; 2s ringing; 4s answered; 6s hangup"),
    ("Ended", "1s dialed accepted; 2s ringing; 4s answered; 6s ended completed"),
];

/// The other stages of an ending call, and the ended call that the provider said nothing about.
const STAGES: [(&str, &str); 5] = [
    ("awaiting-dial", "1s hangup"),
    ("farewell", "1s answered; 2s speak bye; 3s hangup after-speech"),
    ("asking", "1s answered; 3s hangup; 4s hangup-answer already-ended"),
    ("draining", "1s answered; 2s speak bye; 3s ended completed"),
    ("ended?", "1s answered; 3s reconcile; 10m report gone"),
];

/// Every kind of input: its words in a script, what a live call needs for it to make sense, and a heading before a
/// group.
const INPUTS: [(&str, &str, &str); 55] = [
    ("dialed accepted", "", "the answer to our dial"),
    ("dialed refused", "", ""),
    ("dialed unknown", "", ""),
    ("dialed withdrawn", "", ""),
    ("queued", "", "the provider's messages"),
    ("initiated", "", ""),
    ("ringing", "", ""),
    ("answered", "", ""),
    ("ended completed", "", ""),
    ("ended completed", "speak bye", ""),
    ("report queued", "", "the provider's answer when asked"),
    ("report ringing", "", ""),
    ("report in-progress", "", ""),
    ("report ended completed", "", ""),
    ("report gone", "", ""),
    ("report unreachable", "", ""),
    ("hangup-answer accepted", "", "the answer to our hang-up"),
    ("hangup-answer already-ended", "", ""),
    ("hangup-answer refused", "", ""),
    ("stream opened", "", "the media session"),
    ("stream flowing", "", ""),
    ("stream closed", "stream opened", ""),
    ("stream failed", "", ""),
    ("spoken bye", "speak bye", ""),
    ("gathered pin", "gather pin", ""),
    ("turn agent", "", ""),
    ("turn caller", "", ""),
    ("child ringing", "", "other legs"),
    ("child answered", "", ""),
    ("child ended completed", "", ""),
    ("detected", "", "what becomes known"),
    ("digits", "", ""),
    ("recording r1", "", ""),
    ("billed", "", ""),
    ("analyzed", "", ""),
    ("tool", "", ""),
    ("unknown", "", ""),
    ("hangup", "", "commands"),
    ("hangup after-speech", "speak bye", ""),
    ("speak hello", "", ""),
    ("speak bye", "speak bye", ""),
    ("hush", "speak bye", ""),
    ("hush", "", ""),
    ("open-stream", "", ""),
    ("close-stream", "stream opened", ""),
    ("play music", "", ""),
    ("gather pin", "", ""),
    ("gather pin", "gather pin", ""),
    ("transfer", "", ""),
    ("bridge", "", ""),
    ("start-recording", "", ""),
    ("stop-recording", "", ""),
    ("reconcile", "", ""),
    ("tick", "", "deadlines"),
    ("turn caller#e1", "turn caller#e1", "one event, delivered twice"),
];

/// Each deadline: what leads to it, and the policy's key for it.
const DEADLINES: [(&str, Timer, &str); 18] = [
    ("", Timer::DialAnswer, "dial_answer"),
    ("30s tick; 31s report unreachable; 110s tick", Timer::DialLimit, "dial_limit"),
    ("30s tick; 2m tick; 121s report gone", Timer::DialLimit, "ask_again"),
    ("1s queued", Timer::RingLimit, "queue_limit"),
    ("1s ringing", Timer::RingLimit, "ring_limit"),
    ("1s ringing; due tick", Timer::RingLimit, "ask_again"),
    ("1s answered; 2s speak a; 3s spoken a", Timer::Response, "response_limit"),
    ("1s answered; 2s speak a; 3s spoken a; due tick; 14s spoken prompt", Timer::Prompt, "prompt_limit"),
    ("1s answered; 2s open-stream", Timer::StreamLimit, "stream_limit"),
    ("1s answered; 2s gather pin", Timer::Gather, "gather_limit"),
    ("1s answered", Timer::Quiet, "quiet_limit"),
    ("1s answered; due tick", Timer::Quiet, "ask_again"),
    ("1s answered; 1h stream flowing", Timer::LiveLimit, "live_limit"),
    ("1s answered; 2s speak a; 3s hangup after-speech", Timer::Farewell, "farewell_limit"),
    ("1s answered; 3s hangup", Timer::Confirm, "confirm_limit"),
    ("1s answered; 3s hangup; due tick; due tick", Timer::Confirm, "confirm_limit"),
    ("1s answered; 3s hangup; due tick; due tick; due tick", Timer::Confirm, "ask_again"),
    ("1s answered; 2s speak a; 3s ended completed", Timer::Drain, "drain_limit"),
];

/// The way to where an input is tried: what it needs is done first, if the call is live.
fn way(way: &str, setup: &str) -> String {
    let live = Scene::outbound().play(way).call.phase_name() == PhaseName::Live;
    if setup.is_empty() || !(live || setup.contains('#')) { way.to_owned() } else { format!("{way}; 10s {setup}") }
}

/// What an input does: the words of the phase before, the answer, and the phases.
fn answer(way: &str, input: &str) -> (String, String, [PhaseName; 2]) {
    // By law 5 a tick of the past is one of the latest moment seen: nothing is due.
    let now = if input == "tick" { "0s" } else { "11s" };
    let before = Scene::outbound().play(way).call;
    let step = if input == "due tick" { input.to_owned() } else { format!("{now} {input}") };
    let after = Scene::outbound().play(&format!("{way}; {step}"));
    let answer = after.answers.last().cloned().unwrap_or_default();
    (describe(before.phase()), answer, [before.phase_name(), after.call.phase_name()])
}

/// One field of a table.
fn cell((before, answer, _): &(String, String, [PhaseName; 2])) -> String {
    if let Some(reason) = answer.strip_prefix('(') {
        return format!("<sub>{}</sub>", reason.trim_end_matches(')'));
    }
    let mut parts = answer.split(" +");
    let after = parts.next().unwrap_or_default();
    let moves = if after == before { String::from("✓") } else { format!("**{after}**") };
    let asks: String = parts.map(|effect| format!("<br>`{effect}`")).collect();
    format!("{moves}{asks}")
}

fn table(out: &mut String, columns: &[(&str, &str)]) {
    let heads: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(out, "| input | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
    // Inputs of one group that do the same everywhere share a row.
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for (input, setup, group) in INPUTS {
        if !group.is_empty() {
            rows.push((format!("*{group}*"), vec![String::new(); heads.len()]));
        }
        let cells: Vec<_> = columns.iter().map(|(_, to)| cell(&answer(&way(to, setup), input))).collect();
        let name = input.split('#').next().unwrap_or(input);
        let label = match setup {
            "" => format!("`{name}`"),
            setup if setup == input => format!("`{name}`, again"),
            setup => format!("`{name}`, after `{setup}`"),
        };
        match rows.last_mut() {
            Some((labels, same)) if *same == cells => {
                labels.push_str("<br>");
                labels.push_str(&label);
            }
            Some(_) | None => rows.push((label, cells)),
        }
    }
    for (label, cells) in rows {
        let _ = writeln!(out, "| {label} | {} |", cells.join(" | "));
    }
}

/// The arrows of the drawing: what moves a call from one phase to another.
fn drawing(out: &mut String) {
    let mut arrows: BTreeMap<[PhaseName; 2], Vec<&str>> = BTreeMap::new();
    let mut draw = |way: &str, input: &str, label| {
        let (_, _, phases) = answer(way, input);
        let labels = arrows.entry(phases).or_default();
        if phases[0] != phases[1] && !labels.contains(&label) {
            labels.push(label);
        }
    };
    for (_, to) in PHASES.iter().chain(&STAGES) {
        let mut group = "";
        for (input, setup, heading) in INPUTS {
            group = if heading.is_empty() { group } else { heading };
            let known = matches!(group, "other legs" | "what becomes known" | "one event, delivered twice");
            let label = if known { "any news" } else { input.split(' ').next().unwrap_or(input) };
            draw(&way(to, setup), input, label);
        }
    }
    for (way, timer, _) in DEADLINES {
        draw(way, "due tick", timer.as_str());
    }
    out.push_str("```mermaid\nstateDiagram-v2\n    [*] --> Dialing: we ring somebody\n");
    out.push_str("    [*] --> Ringing: somebody rings us\n");
    for ([from, to], labels) in arrows.iter().filter(|(_, labels)| !labels.is_empty()) {
        let _ = writeln!(out, "    {from:?} --> {to:?}: {}", labels.join(", "));
    }
    out.push_str("    Ended --> [*]\n```\n");
}

fn deadlines(out: &mut String) {
    let policy = serde_json::to_value(Policy::default()).expect("a policy can be written");
    out.push_str(
        "| deadline | in phase | set by | policy key | default | when it passes |\n|---|---|---|---|---|---|\n",
    );
    for (way, timer, key) in DEADLINES {
        let scene = Scene::outbound();
        let call = scene.play(way).call;
        assert_eq!(call.state().timers.next().map(|(timer, _)| timer), Some(timer), "{way}");
        let answer = answer(way, "due tick");
        let default = policy[key].as_str().expect("a duration");
        let way = if way.is_empty() { "the wish to dial".to_owned() } else { format!("`{way}`") };
        let (timer, phase, then) = (timer.as_str(), &answer.0, cell(&answer).replace("<br>", " "));
        let _ = writeln!(out, "| `{timer}` | {phase} | {way} | `{key}` | {default} | {then} |");
    }
}

/// What each script asks for at each moment, by who carries it out.
fn conducts(out: &mut String) {
    let to = "+12025550103".to_owned();
    let scripts = [
        ("say", Script::Say { text: "Goodbye.".to_owned() }),
        ("converse", Script::Converse { greeting: "Hello.".to_owned() }),
        ("converse, without a greeting", Script::default()),
        ("connect", Script::Connect { to, caller_id: None }),
        ("stream", Script::Stream),
    ];
    let moments = [
        (Conduct::Asked, Scene::outbound(), "1s answered"),
        (Conduct::Commanded, Scene::inbound(), ""),
        (Conduct::Commanded, Scene::outbound(), "1s answered"),
        (Conduct::Commanded, Scene::outbound(), "1s answered; 9s spoken greeting"),
        (Conduct::Commanded, Scene::outbound(), "1s answered; 9s refused transfer"),
    ];
    out.push_str(
        "| script | `asked`, answered | `commanded`, rings us | `commanded`, answered | … `spoken greeting` | … `refused transfer` |\n\
         |---|---|---|---|---|---|\n",
    );
    for (name, script) in scripts {
        let _ = write!(out, "| {name} ");
        for (conduct, scene, way) in &moments {
            let played = scene.clone().plan(|plan| (plan.conduct, plan.script) = (*conduct, script.clone())).play(way);
            let answer = played.answers.last().map_or("", String::as_str);
            let asked: Vec<_> = if way.is_empty() {
                played
                    .effects
                    .iter()
                    .filter(|effect| !matches!(effect, Effect::Publish(_)))
                    .map(Effect::as_str)
                    .collect()
            } else {
                answer.split(" +").skip(1).filter(|name| !name.starts_with("call.")).collect()
            };
            let cell = match asked.as_slice() {
                _ if answer.starts_with('(') => format!("<sub>{}</sub>", answer.trim_matches(['(', ')'])),
                [] => "–".to_owned(),
                asked => format!("`{}`", asked.join("` `")),
            };
            let _ = write!(out, "| {cell} ");
        }
        out.push_str("|\n");
    }
}

fn page() -> String {
    let mut out = String::from(
        "# Transitions\n\n\
         <!-- Written by `UPDATE_DOCS=1 cargo test -p call-core --test docs`; the same test fails when it is out of date. -->\n\n\
         What the machine does with every input in every phase. Nothing here is written by hand: each cell is a call that was\n\
         brought into its phase and then given the input, and the words are those of `call_core::testkit::script`.\n\n\
         ## The life of a call\n\n",
    );
    drawing(&mut out);
    out.push_str(
        "\nNo arrow points back. A call that has ended stays so; what arrives afterwards fills in what is missing, corrects an\n\
         ending that was only inferred, or hangs up a phone that rings although its call was given up.\n\n\
         ## Phase by input\n\n\
         | | |\n|---|---|\n\
         | **bold** | the phase after it, where it is another one, or another part of the same |\n\
         | ✓ | taken up; the phase is the same |\n\
         | `code` | what the call asks for, in order |\n\
         | <sub>small</sub> | ignored, and why: the call is equal to what it was |\n\n",
    );
    table(&mut out, &PHASES);
    out.push_str(
        "\n*Ending* above is the usual case: the leg is known and one hang-up is in flight. *Ended* is the provider's word.\n\n\
         ## Inside the ending\n\n\
         An ending call waits for one thing at a time: the dial's answer, the last word of a farewell, the confirmation of its\n\
         hang-up, the answer to a question, or what still runs. `ended?` has ended, but nobody told: the next word of the\n\
         provider corrects it, once.\n\n",
    );
    table(&mut out, &STAGES);
    out.push_str(
        "\n## Who carries the script out\n\n\
         A provider of the kind `asked` asks what to do and gets the script for an answer (Twilio's TwiML); one that is\n\
         `commanded` is told each step (Telnyx); with the kind `agent`, the provider's own agent talks (Retell). What the call asks\n\
         for by itself, beside the news that it tells:\n\n",
    );
    conducts(&mut out);
    out.push_str(
        "\n## Deadlines\n\n\
         An open call always has one. Each is a key of `Policy`; here each comes due at its default, with nothing else\n\
         happening. A question that nobody answers is asked again every `ask_again`; a dial, a doubted call or an ending that\n\
         stays unknown is closed at the outer bound (`stale.outer`).\n\n",
    );
    deadlines(&mut out);
    out
}

#[test]
fn the_page_of_transitions_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transitions.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/ can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/transitions.md is out of date: UPDATE_DOCS=1 cargo test -p call-core --test docs");
}

#[test]
fn every_deadline_is_on_the_page() {
    // A stream that the script opens has the same deadline as one that a command opens.
    let scene = Scene::outbound().plan(|plan| plan.script = Script::Stream);
    assert!(scene.play("1s answered").call.state().timers.get(Timer::StreamLimit).is_some());
    for timer in Timer::ALL {
        assert!(DEADLINES.iter().any(|(_, on_page, _)| *on_page == timer), "{}", timer.as_str());
    }
}
