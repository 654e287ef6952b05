//! On a real terminal: hidden input is not echoed, and the terminal's settings are restored however
//! the command ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::channel;

use openindex_domain::token::TokenKind;
use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};

use crate::stub::{ME, PAT, PAT_ID, Stub, created, page, user, user_id, work_item};
use crate::support::{Home, new_token, secret};

const USERS: &str = "GET /admin/users?limit=200";
const PROMPT: &str = "input hidden): ";
/// Commands that prompt for a secret.
const PROMPTING: [&str; 3] = [
    "profile set --token -",
    "invite claim - --name Grace --use",
    "report-leak --app-url http://127.0.0.1:9",
];

/// A terminal and a program that it controls.
struct Terminal {
    pty: Pty,
    child: Child,
    before: Modes,
    shown: String,
}

/// The settings of a terminal that can be compared.
#[derive(Debug, PartialEq, Eq)]
struct Modes(String);

impl Modes {
    fn of(modes: &Termios) -> Self {
        Self(format!(
            "{:?} {:?} {:?} {:?}",
            modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes
        ))
    }
}

impl Terminal {
    fn oi(home: &Home, line: &str, set: impl FnOnce(Command) -> Command) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_oi")).args(line.split(' '));
        Self::start(home, set(command))
    }

    fn start(home: &Home, command: Command) -> Self {
        let (pty, pts) = open().expect("a terminal");
        let before = Modes::of(&tcgetattr(&pty).expect("modes"));
        let directory = home.directory();
        let child = command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TERM", "dumb")
            .env("PS1", "ready> ")
            .env("HOME", directory)
            .env("XDG_CONFIG_HOME", directory)
            .current_dir(directory)
            .spawn(pts)
            .expect("it starts");
        Self {
            pty,
            child,
            before,
            shown: String::new(),
        }
    }

    fn modes(&self) -> Modes {
        Modes::of(&tcgetattr(&self.pty).expect("modes"))
    }

    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.pty).expect("modes");
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// Reads until the terminal shows the text, and discards everything up to it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut piece = [0; 1024];
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            match self.pty.read(&mut piece) {
                Ok(length @ 1..) => self
                    .shown
                    .push_str(&String::from_utf8_lossy(&piece[..length])),
                end => panic!("{text:?} is not shown but {:?} ({end:?})", self.shown),
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.pty.write_all(text.as_bytes()).expect("typed");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("sent");
    }

    /// Waits for the program to end; returns its status and the remaining output.
    fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        assert_eq!(self.modes(), self.before, "the terminal is as it was");
        let mut rest = Vec::new();
        // On Linux the end of a terminal is an error.
        let _ = self.pty.read_to_end(&mut rest);
        let rest = format!("{}{}", self.shown, String::from_utf8_lossy(&rest));
        (status, rest)
    }
}

fn prompted(home: &Home, line: &str) -> Terminal {
    let mut terminal = Terminal::oi(home, line, |command| command);
    terminal.wait_for(PROMPT);
    assert!(!terminal.echoes(), "{line}");
    terminal
}

#[test]
fn an_interrupt_at_a_hidden_prompt_exits_with_130_and_restores_the_terminal() {
    for line in PROMPTING {
        let home = Home::new();
        // Typed: Ctrl-C, and Ctrl-D on a line of its own.
        for key in ["\u{3}", "typed\u{3}", "\u{4}"] {
            let mut terminal = prompted(&home, line);
            terminal.type_in(key);
            let (status, shown) = terminal.end();
            assert_eq!(status.code(), Some(130), "{line} {key:?}: {shown}");
            assert!(!shown.contains("typed"), "{shown}");
        }
        let terminal = prompted(&home, line);
        terminal.send(Signal::INT);
        assert_eq!(terminal.end().0.code(), Some(130), "{line}");
    }
}

#[test]
fn any_other_signal_at_a_hidden_prompt_restores_the_terminal() {
    for line in PROMPTING {
        let home = Home::new();
        for signal in [Signal::TERM, Signal::HUP, Signal::QUIT] {
            let terminal = prompted(&home, line);
            terminal.send(signal);
            let (status, _) = terminal.end();
            assert_eq!(status.signal(), Some(signal.as_raw()), "{line} {signal:?}");
        }
    }
}

#[test]
fn hidden_input_is_not_echoed_and_the_terminal_is_restored() {
    let home = Home::new();
    let token = secret(TokenKind::Personal, 1);
    let mut terminal = prompted(&home, PROMPTING[0]);
    terminal.type_in(&format!("{token}\n"));
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(!shown.contains(&token[7..40]), "{shown}");
    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        token.as_str()
    );
    for (line, response) in [
        (PROMPTING[0], "zxcvbnm\n"),
        (PROMPTING[1], "zxcvbnm\n"),
        (PROMPTING[2], "zxcvbnm\n"),
    ] {
        let mut terminal = prompted(&home, line);
        terminal.type_in(response);
        let (status, shown) = terminal.end();
        assert!(matches!(status.code(), Some(1 | 2)), "{line}: {shown}");
        assert!(!shown.contains(response.trim()), "{shown}");
    }
}

#[test]
fn the_prompt_is_written_to_the_terminal_even_if_messages_are_redirected() {
    for line in PROMPTING {
        let home = Home::new();
        let log = home.directory().join("log");
        let file = File::create(&log).expect("a file");
        let mut terminal = Terminal::oi(&home, line, |command| command.stderr(file));
        terminal.wait_for(PROMPT);
        assert!(!terminal.echoes(), "{line}");
        terminal.type_in("typed\n");
        let (_, shown) = terminal.end();
        assert!(!shown.contains("typed"), "{line}: {shown}");
        let log = std::fs::read_to_string(log).expect("text");
        assert!(
            !log.contains(PROMPT) && log.contains("error: "),
            "{line}: {log}"
        );
    }
}

#[test]
fn a_signal_at_a_confirmation_prompt_ends_the_command() {
    let item = work_item("OPS-42").to_string();
    let server = Stub::new(&[("GET /browse/OPS-42", 200, &item)]);
    let home = Home::with_profile(&server.url);
    let prompted = || {
        let line = "work-item delete --key OPS-42";
        let mut terminal = Terminal::oi(&home, line, |command| command);
        terminal.wait_for("[y/N] ");
        terminal
    };
    for key in ["\u{3}", "\u{4}"] {
        let mut terminal = prompted();
        terminal.type_in(key);
        assert_eq!(terminal.end().0.code(), Some(130));
    }
    let terminal = prompted();
    terminal.send(Signal::TERM);
    assert_eq!(terminal.end().0.signal(), Some(Signal::TERM.as_raw()));
    let sent = server.requests();
    assert!(
        sent.iter().all(|it| it.starts_with("GET ")),
        "nothing was deleted: {sent:?}"
    );
    assert_eq!(sent.iter().filter(|it| it.contains("OPS-42")).count(), 3);
}

#[test]
fn changing_your_own_address_asks_and_the_same_address_is_unchanged() {
    let paths = ["GET", "PATCH"].map(|method| format!("{method} /admin/users/{}", user_id(2)));
    let [get, patch] = paths.map(|path| &*path.leak());
    for (after, expected) in [
        ("a@b.example", "Email address unchanged"),
        ("A@b.example", "Email address changed"),
    ] {
        let (before, after_it) = (user(2, "a@b.example"), user(2, after));
        let server = Stub::new(&[
            ("GET /me", 200, ME),
            (get, 200, &before.to_string()),
            (patch, 200, &after_it.to_string()),
        ]);
        let home = Home::with_profile(&server.url);
        let line = format!("settings admin users update {} --email {after}", user_id(2));
        for (reply, expected) in [("n", "nothing was changed"), ("y", expected)] {
            let mut terminal = Terminal::oi(&home, &line, |command| command);
            let prompt = terminal.wait_for("[y/N] ");
            assert!(prompt.contains("This is your own account."), "{prompt}");
            terminal.type_in(&format!("{reply}\n"));
            let (_, shown) = terminal.end();
            assert!(shown.contains(expected), "{shown}");
        }
    }
}

#[test]
fn a_pipe_is_read_even_on_a_terminal() {
    let home = Home::new();
    let token = secret(TokenKind::Personal, 1);
    let mut terminal = Terminal::oi(&home, PROMPTING[0], |command| command.stdin(Stdio::piped()));
    let mut stdin = terminal.child.stdin.take().expect("a pipe");
    stdin
        .write_all(format!("{token}\n").as_bytes())
        .expect("written");
    drop(stdin);
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(!shown.contains(PROMPT), "{shown}");
}

#[test]
fn a_shell_stays_usable_after_ctrl_c_and_ctrl_z() {
    let home = Home::new();
    let token = secret(TokenKind::Personal, 1);
    let bash = ["--norc", "--noprofile", "--noediting", "-i"];
    let oi = env!("CARGO_BIN_EXE_oi");
    let mut shell = Terminal::start(&home, Command::new("bash").args(bash));
    // What is typed before the shell is ready is discarded by the signal.
    shell.wait_for("ready> ");
    for line in PROMPTING {
        shell.type_in(&format!("{oi} {line}\n"));
        shell.wait_for(PROMPT);
        shell.type_in("\u{3}");
        shell.wait_for("ready> ");
        assert_eq!(shell.modes(), shell.before, "{line}");
        shell.type_in("echo status=$?.\n");
        shell.wait_for("status=130.");
        shell.wait_for("ready> ");

        shell.type_in(&format!("{oi} {line}\n"));
        shell.wait_for(PROMPT);
        shell.type_in("\u{1a}");
        shell.wait_for("Stopped");
        shell.wait_for("ready> ");
        assert_eq!(shell.modes(), shell.before, "{line}");
        shell.type_in("fg\n");
        shell.wait_for(PROMPT);
        assert!(!shell.echoes(), "{line}");
        shell.type_in(&format!("{token}\n"));
        let shown = shell.wait_for("ready> ");
        assert!(!shown.contains(&token[7..40]), "{line}: {shown}");
        assert_eq!(shell.modes(), shell.before, "{line}");
    }
    shell.type_in("exit 0\n");
    assert!(shell.end().0.success());
}

#[test]
fn rotating_asks_only_on_a_terminal_and_only_if_the_old_token_ends_at_once() {
    let other = PAT_ID.replace('9', "8");
    let [get, rotate] = [("GET", ""), ("POST", "/rotate")]
        .map(|(method, end)| &*format!("{method} /me/pats/{other}{end}").leak());
    let new = created(&new_token());
    let server = Stub::new(&[("GET /me", 200, ME), (get, 200, PAT), (rotate, 201, &new)]);
    let home = Home::with_profile(&server.url);
    let rotations = || server.requests().iter().filter(|it| *it == rotate).count();
    let line = format!("settings personal tokens rotate {other}");
    for (reply, expected, count) in [("n", "the token was not rotated", 0), ("y", "Rotated", 1)] {
        let mut terminal = Terminal::oi(&home, &line, |command| command);
        let prompt = terminal.wait_for("[y/N] ");
        assert!(prompt.contains("laptop"), "{prompt}");
        assert!(prompt.contains("--overlap"), "{prompt}");
        terminal.type_in(&format!("{reply}\n"));
        let (_, shown) = terminal.end();
        assert!(shown.contains(expected), "{shown}");
        assert_eq!(rotations(), count);
    }
    // The old token keeps working, the question is skipped, or the output is captured.
    for (more, piped) in [
        (" --overlap 1h", false),
        (" --overlap-seconds 60", false),
        (" --yes", false),
        (" --token-only", true),
        ("", true),
    ] {
        let before = rotations();
        let terminal = Terminal::oi(&home, &format!("{line}{more}"), |command| {
            if piped {
                command.stdout(Stdio::piped())
            } else {
                command
            }
        });
        let (status, shown) = terminal.end();
        assert!(status.success(), "{more}: {shown}");
        assert!(!shown.contains("[y/N]"), "{more}: {shown}");
        assert_eq!(rotations(), before + 1, "{more}");
    }
}

#[test]
fn revoking_and_rotating_the_token_in_use_ask_on_a_terminal() {
    let get: &str = format!("GET /me/pats/{PAT_ID}").leak();
    let new = created(&new_token());
    let (revoke, rotate) = ("DELETE /me/token", "POST /me/token/rotate");
    for (line, request, done) in [
        ("auth rotate", rotate, "Rotated token"),
        ("auth revoke", revoke, "Revoked token"),
    ] {
        let server = Stub::new(&[
            ("GET /me", 200, ME),
            (get, 200, PAT),
            (revoke, 204, ""),
            (rotate, 201, &new),
        ]);
        let home = Home::with_profile(&server.url);
        for (reply, expected, count) in [("n", "the token was not", 0), ("y", done, 1)] {
            let mut terminal = Terminal::oi(&home, line, |command| command);
            let prompt = terminal.wait_for("[y/N] ");
            assert!(prompt.contains("laptop"), "{prompt}");
            terminal.type_in(&format!("{reply}\n"));
            let (_, shown) = terminal.end();
            assert!(shown.contains(expected), "{shown}");
            let requests = server.requests();
            assert_eq!(requests.iter().filter(|it| *it == request).count(), count);
        }
    }
}

#[test]
fn an_interrupt_after_the_confirmation_does_not_lose_the_new_token() {
    let rotate: &str = format!("POST /me/pats/{PAT_ID}/rotate").leak();
    let get: &str = format!("GET /me/pats/{PAT_ID}").leak();
    let (arrived, has_arrived) = channel();
    let (respond, may_respond) = channel();
    // The request has arrived, but the response has not been sent.
    let watch = move |request: &str| {
        if request == rotate {
            arrived.send(()).expect("the test waits");
            may_respond.recv().expect("the test responds");
        }
    };
    let new = created(&new_token());
    let responses = [("GET /me", 200, ME), (get, 200, PAT), (rotate, 201, &new)];
    let server = Stub::watched(&responses, watch);
    let home = Home::with_profile(&server.url);
    let line = format!("settings personal tokens rotate {PAT_ID}");
    let mut terminal = Terminal::oi(&home, &line, |command| command);
    terminal.wait_for("[y/N] ");
    terminal.type_in("y\n");
    has_arrived.recv().expect("a request");
    terminal.send(Signal::INT);
    respond.send(()).expect("the stub waits");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(130), "{shown}");
    assert!(shown.contains("saved in the profile"), "{shown}");
    let saved = &home.config()["profiles"]["default"]["token"];
    assert_eq!(*saved, new_token());
}

#[test]
fn a_terminal_shows_names_for_users_if_the_token_can_look_them_up() {
    let mut item = work_item("OPS-42");
    item["assignee"] = user_id(2).into();
    let admin = ME.replace(
        r#""effectiveScope":"read_write""#,
        r#""effectiveScope":"admin""#,
    );
    let users = page(&[user(1, "grace@example.com")], None);
    for (me, listed, creator) in [
        (ME, (200, users.as_str()), user_id(1)),
        (&admin, (200, &users), format!("Ada ({})", user_id(1))),
        (&admin, (503, "{}"), user_id(1)),
        ("{}", (200, &users), user_id(1)),
    ] {
        let server = Stub::new(&[
            ("GET /browse/OPS-42", 200, &item.to_string()),
            ("GET /me", 200, me),
            (USERS, listed.0, listed.1),
        ]);
        let home = Home::with_profile(&server.url);
        let line = "work-item get OPS-42";
        let (status, shown) = Terminal::oi(&home, line, |command| command).end();
        assert!(status.success(), "{shown}");
        let assignee = if me == "{}" {
            user_id(2)
        } else {
            format!("Ada ({})", user_id(2))
        };
        assert!(shown.contains(&format!("assignee  {assignee}")), "{shown}");
        assert!(shown.contains(&format!(" by {creator}")), "{shown}");
        let asked = server.requests().contains(&USERS.to_owned());
        assert_eq!(asked, me == admin, "a denied request would be audited");
    }
    // A script gets the API's document and sends nothing else.
    let server = Stub::new(&[("GET /browse/OPS-42", 200, &item.to_string())]);
    let ran = Home::with_profile(&server.url).run(&["work-item", "get", "OPS-42"]);
    assert_eq!(ran.json(), item);
    assert_eq!(server.requests(), ["GET /browse/OPS-42"]);
}
