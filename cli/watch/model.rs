//! What is shown, as plain state: pictures and events in, keys in. Nothing here knows a terminal, a clock or
//! shared memory.

use std::collections::VecDeque;

use aios_core::Status;

use super::picture::{Environment, Happened, Picture};

/// So many events are kept; the ring in shared memory has more.
const MOST_EVENTS: usize = 1_000;
/// Lines that a page key goes.
const PAGE: usize = 10;
/// A filter is a few words.
const LONGEST_FILTER: usize = 100;

/// A key, as far as it means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Back,
    Erase,
    Char(char),
    /// Ctrl-C, which means the same everywhere.
    Interrupt,
}

/// What the program does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Go,
    Quit,
    Interrupted,
}

/// Whether somebody publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Live,
    /// Nobody does; why, and what to do.
    Waiting(String),
}

/// Which environments are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Only {
    #[default]
    All,
    NotHealthy,
    Broken,
}

impl Only {
    fn next(self) -> Only {
        match self {
            Only::All => Only::NotHealthy,
            Only::NotHealthy => Only::Broken,
            Only::Broken => Only::All,
        }
    }

    fn has(self, status: Status) -> bool {
        match self {
            Only::All => true,
            Only::NotHealthy => status != Status::Healthy,
            Only::Broken => status == Status::Broken,
        }
    }

    pub(crate) fn said(self) -> &'static str {
        match self {
            Only::All => "all",
            Only::NotHealthy => "not healthy",
            Only::Broken => "broken",
        }
    }
}

/// What they are sorted by; the path decides between equal ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Worst first.
    #[default]
    Status,
    Path,
    Kind,
    Version,
}

impl Order {
    fn next(self) -> Order {
        match self {
            Order::Status => Order::Path,
            Order::Path => Order::Kind,
            Order::Kind => Order::Version,
            Order::Version => Order::Status,
        }
    }

    pub(crate) fn said(self) -> &'static str {
        match self {
            Order::Status => "status",
            Order::Path => "path",
            Order::Kind => "kind",
            Order::Version => "version",
        }
    }
}

/// What has the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    List,
    /// A filter is typed.
    Typing,
    /// The report of the selected environment, from this line on.
    Report(usize),
    Help,
}

/// All that a screen is drawn from.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) link: Link,
    pub(crate) picture: Option<Picture>,
    /// The last ones, the newest last.
    pub(crate) events: VecDeque<Happened>,
    /// Places in the picture, as they are filtered and sorted.
    rows: Vec<usize>,
    /// The identity of an environment: it stays selected when others come and go.
    selected: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) filter: String,
    pub(crate) only: Only,
    pub(crate) order: Order,
}

impl Model {
    pub(crate) fn new() -> Model {
        Model {
            link: Link::Waiting(String::new()),
            picture: None,
            events: VecDeque::new(),
            rows: Vec::new(),
            selected: None,
            mode: Mode::List,
            filter: String::new(),
            only: Only::default(),
            order: Order::default(),
        }
    }

    /// Takes what is published now.
    pub(crate) fn show(&mut self, picture: Picture) {
        let at = self.selected_row();
        self.picture = Some(picture);
        self.arrange();
        self.keep_selected(at);
        if let Mode::Report(_) = self.mode
            && self.selected.is_none()
        {
            self.mode = Mode::List;
        }
    }

    /// Adds what happened.
    pub(crate) fn tell(&mut self, happened: Happened) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(happened);
    }

    /// Does what a key means.
    pub(crate) fn press(&mut self, key: Key) -> Next {
        if key == Key::Interrupt {
            return Next::Interrupted;
        }
        match self.mode {
            Mode::List => return self.press_in_list(key),
            Mode::Typing => self.type_filter(key),
            Mode::Report(line) => return self.press_in_report(key, line),
            Mode::Help => match key {
                Key::Char('q') => return Next::Quit,
                Key::Back | Key::Enter | Key::Char('?') => self.mode = Mode::List,
                _ => {}
            },
        }
        Next::Go
    }

    fn press_in_list(&mut self, key: Key) -> Next {
        match key {
            Key::Char('q') => return Next::Quit,
            Key::Char('?') => self.mode = Mode::Help,
            Key::Char('/') => self.mode = Mode::Typing,
            Key::Char('f') => {
                self.only = self.only.next();
                self.rearrange();
            }
            Key::Char('s') => {
                self.order = self.order.next();
                self.rearrange();
            }
            Key::Enter if self.selected.is_some() => self.mode = Mode::Report(0),
            Key::Back => {
                self.only = Only::All;
                self.filter.clear();
                self.rearrange();
            }
            key => {
                if let (Some(at), Some(last)) =
                    (self.selected_row(), self.rows.len().checked_sub(1))
                    && let Some(to) = moved(key, at, last)
                {
                    self.select(to);
                }
            }
        }
        Next::Go
    }

    fn press_in_report(&mut self, key: Key, line: usize) -> Next {
        match key {
            Key::Char('q') => return Next::Quit,
            Key::Char('?') => self.mode = Mode::Help,
            Key::Back | Key::Enter => self.mode = Mode::List,
            key => {
                if let Some(to) = moved(key, line, usize::from(u16::MAX)) {
                    self.mode = Mode::Report(to);
                }
            }
        }
        Next::Go
    }

    fn type_filter(&mut self, key: Key) {
        match key {
            Key::Enter => self.mode = Mode::List,
            Key::Back => {
                self.filter.clear();
                self.mode = Mode::List;
            }
            Key::Erase => {
                self.filter.pop();
            }
            Key::Char(c) if self.filter.len() < LONGEST_FILTER && !c.is_control() => {
                self.filter.push(c);
            }
            _ => return,
        }
        self.rearrange();
    }

    /// The last line that a report can begin with: the screen knows how long it is.
    pub(crate) fn end_report_at(&mut self, most: usize) {
        if let Mode::Report(line) = &mut self.mode {
            *line = most.min(*line);
        }
    }

    /// The environments to show, in order.
    pub(crate) fn environments(&self) -> impl ExactSizeIterator<Item = &Environment> {
        self.rows.iter().filter_map(|row| self.at(*row)).collect::<Vec<_>>().into_iter()
    }

    fn at(&self, row: usize) -> Option<&Environment> {
        self.picture.as_ref()?.environments.get(row)
    }

    /// How many of how many are shown.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.rows.len(), self.picture.as_ref().map_or(0, |picture| picture.environments.len()))
    }

    /// The selected environment.
    pub(crate) fn selected(&self) -> Option<&Environment> {
        self.selected_row().and_then(|row| self.at(*self.rows.get(row)?))
    }

    /// Where it is among those that are shown.
    pub(crate) fn selected_row(&self) -> Option<usize> {
        let id = self.selected.as_deref()?;
        self.rows.iter().position(|row| self.at(*row).is_some_and(|one| one.id == id))
    }

    fn rearrange(&mut self) {
        let at = self.selected_row();
        self.arrange();
        self.keep_selected(at);
    }

    fn arrange(&mut self) {
        let Some(picture) = &self.picture else { return };
        let all = &picture.environments;
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let is_shown = |one: &Environment| {
            self.only.has(one.status) && words.iter().all(|word| one.mentions(word))
        };
        let mut rows: Vec<usize> = (0..all.len()).filter(|row| is_shown(&all[*row])).collect();
        rows.sort_by(|a, b| {
            let (a, b) = (&all[*a], &all[*b]);
            let by = match self.order {
                Order::Status => b.status.cmp(&a.status),
                Order::Path => std::cmp::Ordering::Equal,
                Order::Kind => a.kind.cmp(&b.kind),
                Order::Version => numbers(&b.version).cmp(&numbers(&a.version)),
            };
            by.then_with(|| a.prefix.cmp(&b.prefix))
        });
        self.rows = rows;
    }

    /// Keeps what is selected while it is shown; else selects what is now at its place.
    fn keep_selected(&mut self, at: Option<usize>) {
        if self.selected_row().is_none() {
            self.select(at.unwrap_or(0));
        }
    }

    fn select(&mut self, row: usize) {
        let row = row.min(self.rows.len().saturating_sub(1));
        let one = self.rows.get(row).and_then(|row| self.at(*row));
        self.selected = one.map(|one| one.id.clone());
    }
}

/// Where a key leads in a list of lines.
fn moved(key: Key, at: usize, last: usize) -> Option<usize> {
    let to = match key {
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::Down | Key::Char('j') => at + 1,
        Key::PageUp => at.saturating_sub(PAGE),
        Key::PageDown | Key::Char(' ') => at + PAGE,
        Key::First | Key::Char('g') => 0,
        Key::Last | Key::Char('G') => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// The numbers of a version: 3.9 is less than 3.12.
fn numbers(version: &str) -> Vec<u64> {
    let digits = version.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|number| number.parse().ok()).collect()
}
