//! A model as a screen. Every text that may come from disk passes [`text::shown`].

use std::path::Path;

use aios_core::{Severity, Status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::{Page, clock, said, summary};
use crate::output::text::{shown, shown_path, width, wrapped};
use crate::watch::model::{Link, Mode, Model};
use crate::watch::picture::{Environment, Finding, Happened};

/// Events are at most so many lines of the screen, and a third of it.
const EVENT_LINES: u16 = 8;
/// A kind or version is not wider in a list.
const MOST_COLUMNS: usize = 18;

const LIST_KEYS: &str = " enter report  / filter  f which  s sort  esc all  ? help  q quit";
const REPORT_KEYS: &str = " up/down scroll  esc back  ? help  q quit";
const TYPING_KEYS: &str = " enter keep the filter  esc clear it";
const HELP_KEYS: &str = " esc back  q quit";

const HELP: [(&str, &str); 12] = [
    ("up, down, k, j", "one line"),
    ("page up, page down, space", "ten lines"),
    ("home, end, g, G", "to the first, to the last"),
    ("enter", "what is wrong with the environment, what it causes and what to do"),
    ("/", "show those that have each of some words in path, kind, version or code"),
    ("f", "show all, those that are not healthy, those that are broken"),
    ("s", "sort by status, path, kind, version"),
    ("esc", "back; in the list: no filter, and all"),
    ("?", "this page"),
    ("q, ctrl-c", "quit"),
    ("", ""),
    ("", "What is shown comes from `aios serve`, through shared memory; nothing else is read."),
];

/// Draws all of it. Returns the last line that a report can begin with.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, page: &Page) -> usize {
    let area = frame.area();
    let events = EVENT_LINES.min(area.height / 3);
    let [head, main, below, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(0),
        Constraint::Length(events),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(header(model, page)), head);
    let mut last = 0;
    match model.mode {
        Mode::List | Mode::Typing => frame.render_widget(list(model, page, main), main),
        Mode::Help => frame.render_widget(help(), main),
        Mode::Report(line) => {
            let columns = usize::from(main.width);
            let lines = model.selected().map(|one| report(one, page, columns)).unwrap_or_default();
            last = lines.len().saturating_sub(usize::from(main.height));
            let shown = lines.into_iter().skip(line.min(last)).collect::<Vec<_>>();
            frame.render_widget(Paragraph::new(shown), main);
        }
    }
    frame.render_widget(happened(model, page, below), below);
    let text = match model.mode {
        Mode::List => LIST_KEYS,
        Mode::Typing => TYPING_KEYS,
        Mode::Report(_) => REPORT_KEYS,
        Mode::Help => HELP_KEYS,
    };
    frame.render_widget(Line::styled(text, Modifier::REVERSED), keys);
    last
}

fn header(model: &Model, page: &Page) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut first = vec![Span::styled("aios watch", bold)];
    if let Some(picture) = &model.picture {
        let time = clock(page, picture.time_ms);
        first.push(Span::raw(format!("  {}, looked at {time}", summary(picture))));
    }
    let second = match &model.link {
        Link::Waiting(why) => Line::styled(shown(why), page.paint(Color::Yellow)),
        Link::Live => {
            let (shown_ones, all) = model.counts();
            let mut said =
                format!("{shown_ones} of {all}: {}, by {}", model.only.said(), model.order.said());
            if !model.filter.is_empty() || model.mode == Mode::Typing {
                said += &format!(", with: {}", shown(&model.filter));
            }
            if model.mode == Mode::Typing {
                said.push('_');
            }
            Line::styled(said, Modifier::DIM)
        }
    };
    vec![Line::from(first), second]
}

/// The environments about the selected one.
fn list(model: &Model, page: &Page, area: Rect) -> Paragraph<'static> {
    let rows: Vec<&Environment> = model.environments().collect();
    let height = usize::from(area.height);
    let selected = model.selected_row().unwrap_or(0);
    let top = selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    let shown_rows: Vec<&Environment> = rows.into_iter().skip(top).take(height).collect();
    let widest = |text: fn(&Environment) -> &str| {
        let columns = shown_rows.iter().map(|one| width(&shown(text(one))));
        columns.max().unwrap_or(0).min(MOST_COLUMNS)
    };
    let (kind, version) = (widest(|one| &one.kind), widest(|one| &one.version));
    let lines = shown_rows.iter().enumerate().map(|(at, one)| {
        let mut spans = vec![
            Span::styled(format!("{:8}", one.status.as_str()), page.status(one.status)),
            Span::raw(padded(&shown(&one.kind), kind)),
            Span::raw(padded(&shown(&one.version), version)),
            Span::raw(shown_path(&one.prefix, page.home.as_deref())),
        ];
        if let Some(first) = one.findings.first() {
            let more = match one.findings.len() {
                1 => String::new(),
                count => format!(" +{}", count - 1),
            };
            let code = format!("  {}{more}", shown(&first.code));
            spans.push(Span::styled(code, Modifier::DIM));
        }
        let line = Line::from(spans);
        if top + at == selected { line.patch_style(Modifier::REVERSED) } else { line }
    });
    Paragraph::new(lines.collect::<Vec<_>>())
}

/// With two blanks after it; what is wider is cut.
fn padded(text: &str, columns: usize) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept) >= columns {
            break;
        }
        kept.push(c);
    }
    let blanks = columns.saturating_sub(width(&kept)) + 2;
    kept + &" ".repeat(blanks)
}

fn report(one: &Environment, page: &Page, columns: usize) -> Vec<Line<'static>> {
    let path = |path: &Path| shown_path(path, page.home.as_deref());
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{:8}", one.status.as_str()), page.status(one.status)),
        Span::styled(path(&one.prefix), Modifier::BOLD),
    ])];
    let facts = [
        ("kind", shown(&one.kind)),
        ("version", shown(&one.version)),
        ("implementation", shown(&one.implementation)),
        ("base", path(&one.base)),
        ("project", path(&one.project)),
        ("manager", shown(&one.manager)),
        ("id", shown(&one.id)),
    ];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        lines.push(Line::from(vec![
            Span::styled(format!("  {name:15}"), Modifier::DIM),
            Span::raw(value),
        ]));
    }
    if one.findings.is_empty() {
        lines.extend([Line::default(), Line::raw("Nothing is wrong with it.")]);
    }
    for finding in &one.findings {
        lines.push(Line::default());
        add_finding(finding, page, columns, &mut lines);
    }
    lines
}

fn add_finding(finding: &Finding, page: &Page, columns: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(vec![
        Span::styled(format!("{:8}", finding.severity.as_str()), page.severity(finding.severity)),
        Span::styled(shown(&finding.code), Modifier::BOLD),
    ]));
    let place = shown_path(&finding.path, page.home.as_deref());
    let texts = [
        ("", shown(&finding.message)),
        ("at: ", place),
        ("causes: ", shown(&finding.effect)),
        ("do: ", shown(&finding.remedy)),
    ];
    for (label, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        let text = wrapped(&format!("{label}{text}"), columns.saturating_sub(2).max(20));
        lines.extend(text.into_iter().map(|line| Line::raw(format!("  {line}"))));
    }
}

fn help() -> Paragraph<'static> {
    let line = |(keys, does): (&str, &str)| match keys {
        "" => Line::raw(does.to_owned()),
        keys => Line::from(vec![
            Span::styled(format!("  {keys:27}"), Modifier::BOLD),
            Span::raw(does.to_owned()),
        ]),
    };
    Paragraph::new(HELP.map(line).to_vec())
}

/// The last events, the newest at the bottom.
fn happened(model: &Model, page: &Page, area: Rect) -> Paragraph<'static> {
    let lines = usize::from(area.height).saturating_sub(1);
    let skipped = model.events.len().saturating_sub(lines);
    let line = |one: &Happened| {
        let color = match one {
            Happened::Event { event, .. } => event.after,
            Happened::Missed(_) => Some(Status::Warning),
        };
        Line::styled(said(one, page), color.map(|status| page.status(status)).unwrap_or_default())
    };
    let mut text: Vec<Line<'_>> = model.events.iter().skip(skipped).map(line).collect();
    if text.is_empty() {
        text.push(Line::styled("nothing happened yet", Modifier::DIM));
    }
    Paragraph::new(text).block(Block::new().borders(Borders::TOP).title(" events "))
}

impl Page {
    fn paint(&self, color: Color) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new() }
    }

    fn status(&self, status: Status) -> Style {
        match status {
            Status::Healthy => self.paint(Color::Green),
            Status::Warning => self.paint(Color::Yellow),
            Status::Broken => self.paint(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Info => self.paint(Color::Cyan),
            Severity::Warning => self.status(Status::Warning),
            Severity::Error => self.status(Status::Broken),
        }
    }
}
