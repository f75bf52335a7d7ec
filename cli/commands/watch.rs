//! `aios watch`: the environments as a running service publishes them, on a screen or as lines.

use std::convert::Infallible;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aios_core::Host;
use aios_core::environments::inspection::Progress;
use aios_core::live::Termination;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Error, Exit, memory};
use crate::args::{self, Format};
use crate::interrupt;
use crate::output;
use crate::output::watch::{Page, lines, screen};
use crate::watch::model::{Key, Link, Model, Next};
use crate::watch::source::{News, Source};

/// How long nothing is looked at while no key is pressed.
const TICK: Duration = Duration::from_millis(100);

pub(super) fn run(args: &args::Watch) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let folder = memory::place(&host)?;
    let page = Page::new(&host, args.color);
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if args.format == Format::Human && is_terminal {
        let mut source = Source::new(host, folder, 0);
        // A signal must not leave the terminal as the screen has it.
        let signals = Arc::new(Progress::default());
        // Before there are other threads.
        if let Some(termination) = Termination::hold() {
            let stop = Arc::clone(&signals.stop);
            termination.then(move || stop.store(true, Ordering::Relaxed));
        }
        interrupt::stop_on_ctrl_c(&signals);
        let mut terminal = ratatui::try_init().map_err(Error::Output)?;
        let ended = on_screen(&mut terminal, &mut source, &page, &signals.stop);
        ratatui::restore();
        ended.map_err(Error::Output)
    } else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut source = Source::new(host, folder, now.as_nanos() as u64);
        let Err(error) = in_lines(&mut source, args.format, &page);
        match error.kind() {
            // Whoever read it has seen enough.
            io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
            _ => Err(Error::Output(error)),
        }
    }
}

/// Until a key or a signal ends it.
fn on_screen(
    terminal: &mut DefaultTerminal,
    source: &mut Source,
    page: &Page,
    stop: &AtomicBool,
) -> io::Result<Exit> {
    let mut model = Model::new();
    let mut is_stale = true;
    while !stop.load(Ordering::Relaxed) {
        for news in source.news() {
            is_stale = true;
            match news {
                News::Live(picture) => {
                    model.link = Link::Live;
                    model.show(picture);
                }
                News::Changed(picture) => model.show(picture),
                News::Waiting(reason) => model.link = Link::Waiting(reason),
                News::Happened(happened) => model.tell(happened),
            }
        }
        if is_stale {
            let mut last = 0;
            terminal.draw(|frame| last = screen::draw(frame, &model, page))?;
            model.end_report_at(last);
        }
        is_stale = event::poll(TICK)?;
        if is_stale && let Event::Key(key) = event::read()? {
            match key_of(key).map(|key| model.press(key)) {
                Some(Next::Quit) => return Ok(Exit::Fine),
                Some(Next::Interrupted) => return Ok(Exit::Interrupted),
                Some(Next::Go) | None => {}
            }
        }
    }
    Ok(Exit::Interrupted)
}

/// What a key means, if anything.
fn key_of(key: KeyEvent) -> Option<Key> {
    // Windows also says when a key comes up.
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    Some(match key.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::First,
        KeyCode::End => Key::Last,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Back,
        KeyCode::Backspace => Key::Erase,
        KeyCode::Char(c) => Key::Char(c),
        _ => return None,
    })
}

/// Until a signal ends it, or nobody reads any more.
fn in_lines(source: &mut Source, format: Format, page: &Page) -> io::Result<Infallible> {
    let mut out = BufWriter::new(io::stdout().lock());
    loop {
        for news in source.news() {
            let line = match &news {
                News::Live(picture) => lines::News::Live(picture),
                // What changed in it has its events.
                News::Changed(_) => continue,
                News::Waiting(reason) => lines::News::Waiting(reason),
                News::Happened(happened) => lines::News::Happened(happened),
            };
            match (format, line) {
                (Format::Json, line) => lines::write_json(&mut out, line)?,
                (Format::Human, lines::News::Waiting(reason)) => output::message::note(reason),
                (Format::Human, line) => lines::write(&mut out, line, page)?,
            }
        }
        out.flush()?;
        source.wait(TICK);
    }
}
