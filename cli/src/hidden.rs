//! Prompts without echo. The terminal's echo is restored however the program ends.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{getpgrp, getsid};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

use crate::exit_code::ExitCode;

/// The longest line that a terminal delivers, in bytes.
const MAX_LINE: usize = 4_096;

/// The current prompt and the terminal's previous settings, shared with the signal thread.
static HIDDEN: Mutex<Option<(String, Termios)>> = Mutex::new(None);

/// Set when other handlers are responsible for the signals that interrupt the process.
static LEFT: AtomicBool = AtomicBool::new(false);

/// Prompts on the terminal and reads a line from standard input. Returns `None` at the end of
/// input.
pub(crate) fn ask(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    // Handle signals before the echo is turned off.
    watch()?;
    let _guard = Guard::hide(question)?;
    read_line()
}

/// Makes Ctrl-C end the process with status 130; other signals keep their effect.
pub(crate) fn exit_130_on_interrupt() {
    // If no thread can be started, the signal ends the process by default.
    let _ = watch();
}

/// Leaves SIGINT, SIGTERM and SIGHUP to the handlers of `parts::once` from now on: a signal
/// after the last prompt must not end the process while a secret is on its way.
pub(crate) fn leave_interrupts() {
    LEFT.store(true, Ordering::Relaxed);
}

/// Restores the echo when dropped, even in a panic.
struct Guard;

impl Guard {
    fn hide(question: &str) -> io::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut hidden = hidden();
        let hiding = hidden.insert((question.to_owned(), before));
        hide(hiding).map(|()| Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        show(hidden().take().as_ref());
    }
}

fn hidden() -> MutexGuard<'static, Option<(String, Termios)>> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns the echo off and writes the prompt. The line break is still echoed, so that the next
/// output starts on a new line.
fn hide((question, before): &(String, Termios)) -> io::Result<()> {
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ECHO);
    modes
        .local_modes
        .insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &modes)?;
    write_to_terminal(question);
    Ok(())
}

fn show(hidden: Option<&(String, Termios)>) {
    if let Some((_, before)) = hidden {
        // This fails only when the terminal no longer exists.
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
    }
}

/// Writes to the terminal, even when standard output and standard error are redirected. Errors are
/// ignored: the reply is read anyway.
fn write_to_terminal(text: &str) {
    let _ = match OpenOptions::new().write(true).open("/dev/tty") {
        Ok(mut terminal) => terminal.write_all(text.as_bytes()),
        Err(_) if io::stderr().is_terminal() => io::stderr().write_all(text.as_bytes()),
        Err(_) => Ok(()),
    };
}

/// Reads a line without the buffer of standard input, which is never wiped.
fn read_line() -> io::Result<Option<Zeroizing<String>>> {
    let mut terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = Zeroizing::new(vec![0; MAX_LINE]);
    let mut length = 0;
    while length < line.len() && !line[..length].ends_with(b"\n") {
        match terminal.read(&mut line[length..]) {
            Ok(0) if length == 0 => return Ok(None),
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let text = std::str::from_utf8(&line[..length])
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))?;
    Ok(Some(Zeroizing::new(
        text.trim_end_matches(['\n', '\r']).to_owned(),
    )))
}

/// Handles signals for the rest of the process: removing a handler does not restore the default
/// action of its signal.
fn watch() -> io::Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if *started {
        return Ok(());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT])?;
    std::thread::Builder::new().spawn(move || signals.forever().for_each(on_signal))?;
    *started = true;
    Ok(())
}

fn on_signal(signal: i32) {
    // The lock is held to the end, so that no other thread turns the echo off.
    let hidden = hidden();
    match signal {
        SIGCONT => {
            // The shell may have changed the terminal's settings.
            let _ = hidden.as_ref().map_or(Ok(()), hide);
        }
        // No shell could continue the process, so the kernel would not stop it either.
        SIGTSTP if getsid(None).is_ok_and(|session| session == getpgrp()) => {}
        SIGINT | SIGTERM | SIGHUP if LEFT.load(Ordering::Relaxed) => {}
        SIGINT => {
            show(hidden.as_ref());
            write_to_terminal("\n");
            std::process::exit(ExitCode::Interrupted as i32);
        }
        _ => {
            show(hidden.as_ref());
            if hidden.is_some() {
                write_to_terminal("\n");
            }
            let _ = emulate_default_handler(signal);
        }
    }
}
