use std::path::PathBuf;

use aios_core::Status;
use aios_core::buffer::event::What;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{Page, lines, screen};
use crate::watch::model::{Key, Link, Model};
use crate::watch::picture::Happened;
use crate::watch::sample::{environment, event, four, picture};

fn page() -> Page {
    let clock = |time_ms: u64| format!("12:00:{:02}", time_ms / 1000);
    Page { home: Some(PathBuf::from("/home/u")), colors: true, clock }
}

/// The lines of a screen, and the last one that its report can begin with.
fn drawn(model: &Model, columns: u16, rows: u16) -> (Vec<String>, usize) {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut last = 0;
    terminal.draw(|frame| last = screen::draw(frame, model, &page())).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |row: u16| {
        let cells = (0..columns).map(|column| buffer[(column, row)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    ((0..rows).map(line).collect(), last)
}

fn live() -> Model {
    let mut model = Model::new();
    model.link = Link::Live;
    model.show(four());
    model
}

#[test]
fn a_list_with_events() {
    let mut model = live();
    model.tell(Happened::Missed(3));
    model.tell(event(What::Changed, "/home/u/b"));
    let (lines, _) = drawn(&model, 100, 13);
    let expected = [
        "aios watch  4 environments: 1 broken, 1 warning, 2 healthy, looked at 12:00:00",
        "4 of 4: all, by status",
        "broken  venv       3.12.3  ~/b  pyvenv-cfg-missing",
        "warning venv       3.12.3  ~/d  pyvenv-cfg-missing",
        "healthy venv       3.9.1   ~/a",
        "healthy conda-env  3.12.3  ~/c",
    ];
    let home = |line: &str| line.replace("~/", &format!("~{}", std::path::MAIN_SEPARATOR));
    assert_eq!(lines[..6], expected.map(home));
    assert!(lines[8].contains("events"), "{lines:#?}");
    assert_eq!(lines[9], "3 records missed: they were overwritten before they were read");
    let changed = "12:00:00  changed  healthy > broken  ~/b  pyvenv-cfg-missing";
    assert_eq!(lines[10], home(changed));
    assert!(lines[12].contains("q quit"), "{lines:#?}");
}

#[test]
fn a_filter_is_typed() {
    let mut model = live();
    for c in "/conda".chars() {
        model.press(Key::Char(c));
    }
    let (lines, _) = drawn(&model, 80, 10);
    assert_eq!(lines[1], "1 of 4: all, by status, with: conda_");
    assert!(lines[2].starts_with("healthy conda-env") && lines[3].is_empty(), "{lines:#?}");
}

#[test]
fn a_report() {
    let mut model = live();
    model.press(Key::Enter);
    let (lines, last) = drawn(&model, 80, 30);
    assert_eq!(last, 0);
    let text = lines.join("\n");
    for part in [
        "broken  ~",
        "  version        3.12.3",
        "error   pyvenv-cfg-missing",
        "  there is no `pyvenv.cfg`",
        "  causes: the interpreter is another one",
        "  do: repair it",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // On a small screen it is read in parts.
    let (lines, last) = drawn(&model, 80, 9);
    assert!(last > 0 && !lines.join("\n").contains("do: repair it"));
    for _ in 0..last {
        model.press(Key::Down);
    }
    let (lines, _) = drawn(&model, 80, 9);
    assert!(lines.join("\n").contains("do: repair it"), "{lines:#?}");
}

#[test]
fn nobody_publishes() {
    let mut model = Model::new();
    model.link = Link::Waiting("no service runs: start `aios serve`".to_owned());
    let (lines, _) = drawn(&model, 80, 10);
    assert_eq!(lines[1], "no service runs: start `aios serve`");
    // What was seen last stays.
    model.show(four());
    let (lines, _) = drawn(&model, 80, 10);
    assert!(lines[1].starts_with("no service") && lines[2].starts_with("broken"), "{lines:#?}");
}

#[test]
fn what_stands_on_disk_cannot_move_the_cursor() {
    let hostile = "/home/u/\x1b[2J\r\n\u{9b}31m\u{202e}evil";
    let mut one = environment(hostile, hostile, Status::Broken);
    one.kind = hostile.to_owned();
    one.version = hostile.to_owned();
    one.findings[0].code = hostile.to_owned();
    one.findings[0].message = hostile.to_owned();
    let mut model = Model::new();
    model.link = Link::Live;
    model.show(picture(vec![one.clone()]));
    model.tell(event(What::Problem, hostile));
    let mut all = drawn(&model, 120, 20).0;
    model.press(Key::Enter);
    all.extend(drawn(&model, 120, 20).0);
    model.link = Link::Waiting(hostile.to_owned());
    all.extend(drawn(&model, 120, 20).0);
    let mut out = Vec::new();
    let happened = event(What::Problem, hostile);
    let seen = picture(vec![one]);
    for news in [lines::News::Live(&seen), lines::News::Happened(&happened)] {
        lines::write(&mut out, news, &page()).unwrap();
        lines::write_json(&mut out, news).unwrap();
    }
    all.extend(String::from_utf8(out).unwrap().lines().map(str::to_owned));
    let text = all.join("");
    assert!(text.contains("\\u{1b}[2J") && text.contains("\\u202e"), "{text}");
    assert!(!text.chars().any(crate::output::text::is_unsafe), "{text:?}");
}

#[test]
fn every_size_and_page_can_be_drawn() {
    let mut model = live();
    model.tell(event(What::Gone, "/home/u/b"));
    for keys in ["", "?", "\x1b", "/"] {
        for key in keys.chars().map(Key::Char) {
            model.press(if key == Key::Char('\x1b') { Key::Back } else { key });
        }
        for (columns, rows) in [(1, 1), (3, 2), (20, 3), (200, 60), (80, 24)] {
            drawn(&model, columns, rows);
        }
    }
    model.press(Key::Back);
    model.press(Key::Enter);
    drawn(&model, 1, 1);
    assert!(drawn(&model, 120, 40).0.join("\n").contains("causes: "));
}

#[test]
fn without_colours() {
    let colored = |colors| {
        let page = Page { colors, ..page() };
        let mut terminal = Terminal::new(TestBackend::new(80, 12)).unwrap();
        let model = live();
        terminal.draw(|frame| _ = screen::draw(frame, &model, &page)).unwrap();
        let cells = terminal.backend().buffer().content();
        cells.iter().filter(|cell| cell.fg != ratatui::style::Color::Reset).count()
    };
    assert!(colored(true) > 0);
    assert_eq!(colored(false), 0);
}

#[test]
fn lines_of_text_and_of_json() {
    let seen = four();
    let happened = event(What::Changed, "/home/u/b");
    let (mut text, mut json) = (Vec::new(), Vec::new());
    for news in [lines::News::Live(&seen), lines::News::Happened(&happened)] {
        lines::write(&mut text, news, &page()).unwrap();
        lines::write_json(&mut json, news).unwrap();
    }
    lines::write_json(&mut json, lines::News::Waiting("no service runs")).unwrap();
    lines::write_json(&mut json, lines::News::Happened(&Happened::Missed(2))).unwrap();
    let expected = "12:00:00  4 environments: 1 broken, 1 warning, 2 healthy\n\
                    12:00:00  broken  ~/b  pyvenv-cfg-missing\n\
                    12:00:00  warning  ~/d  pyvenv-cfg-missing\n\
                    12:00:00  changed  healthy > broken  ~/b  pyvenv-cfg-missing\n";
    let separator = format!("~{}", std::path::MAIN_SEPARATOR);
    assert_eq!(String::from_utf8(text).unwrap(), expected.replace("~/", &separator));
    let json = String::from_utf8(json).unwrap();
    let all: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(all.iter().all(|one| one["schema"] == "aios.watch/1"));
    let whats: Vec<_> = all.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["live", "changed", "waiting", "missed"]);
    assert_eq!(all[0]["environments"][1]["codes"][0], "pyvenv-cfg-missing");
    assert_eq!(all[0]["environments"].as_array().unwrap().len(), 4);
    assert_eq!((&all[1]["before"], &all[1]["after"]), (&"healthy".into(), &"broken".into()));
    assert_eq!(all[3]["records"], 2);
}
