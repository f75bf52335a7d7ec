use aios_core::Status;
use aios_core::buffer::event::What;

use super::model::{Key, Mode, Model, Next};
use super::sample::{environment, event, four, picture};

fn model() -> Model {
    let mut model = Model::new();
    model.show(four());
    model
}

fn ids(model: &Model) -> String {
    model.environments().map(|one| one.id.as_str()).collect()
}

fn selected(model: &Model) -> &str {
    model.selected().map_or("", |one| one.id.as_str())
}

fn press(model: &mut Model, keys: &str) {
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\x1b' => Key::Back,
            '\x08' => Key::Erase,
            c => Key::Char(c),
        };
        assert_eq!(model.press(key), Next::Go, "{c:?} of {keys:?}");
    }
}

#[test]
fn order() {
    let mut model = model();
    let mut orders = vec![ids(&model)];
    for _ in 0..4 {
        press(&mut model, "s");
        orders.push(ids(&model));
    }
    // By status, path, kind, version (3.9 is less than 3.12), status.
    assert_eq!(orders, ["bdac", "abcd", "cabd", "bcda", "bdac"]);
}

#[test]
fn filter() {
    let mut model = model();
    let mut check = |keys: &str, expected: &str| {
        press(&mut model, keys);
        assert_eq!(ids(&model), expected, "{keys:?}");
        model.mode
    };
    check("f", "bd");
    check("f", "b");
    check("f", "bdac");
    check("/cONDA", "c");
    check("\x08\x08\x08\x08\x08", "bdac");
    // Of path, kind, version and code; each word has to be there.
    check("3.12 cfg", "bd");
    check(" /u/d\n", "d");
    check("f", "d");
    check("f", "");
    check("\x1b", "bdac");
    // While it is typed, letters are letters.
    assert_eq!(check("/q\n", ""), Mode::List);
    check("/\x1b", "bdac");
}

#[test]
fn what_is_selected_stays_selected() {
    let mut model = model();
    assert_eq!(selected(&model), "b");
    press(&mut model, "jj");
    assert_eq!(selected(&model), "a");
    press(&mut model, "s");
    assert_eq!((selected(&model), model.selected_row()), ("a", Some(0)));
    // Others come and go.
    let mut more = four();
    more.environments.remove(1);
    more.environments.insert(0, environment("0", "/home/u/0", Status::Healthy));
    model.show(more);
    assert_eq!((selected(&model), model.selected_row()), ("a", Some(1)));
    // It goes itself: what took its place.
    let mut fewer = four();
    fewer.environments.remove(0);
    model.show(fewer);
    assert_eq!(selected(&model), "c");
    model.show(picture(Vec::new()));
    assert!(model.selected().is_none());
    press(&mut model, "j\nG");
    assert_eq!(model.mode, Mode::List);
    model.show(four());
    assert_eq!(selected(&model), "a");
}

#[test]
fn moving() {
    let mut model = Model::new();
    let many = (0..30).map(|n| environment(&n.to_string(), &format!("/{n:02}"), Status::Healthy));
    model.show(picture(many.collect()));
    let mut check = |key: Key, expected: usize| {
        model.press(key);
        assert_eq!(model.selected_row(), Some(expected), "{key:?}");
    };
    check(Key::Up, 0);
    check(Key::Down, 1);
    check(Key::PageDown, 11);
    check(Key::Last, 29);
    check(Key::Down, 29);
    check(Key::PageUp, 19);
    check(Key::First, 0);
}

#[test]
fn pages() {
    let mut model = model();
    press(&mut model, "\n");
    assert_eq!(model.mode, Mode::Report(0));
    model.press(Key::PageDown);
    model.press(Key::Down);
    assert_eq!(model.mode, Mode::Report(11));
    model.end_report_at(4);
    assert_eq!(model.mode, Mode::Report(4));
    press(&mut model, "\x1b?");
    assert_eq!(model.mode, Mode::Help);
    press(&mut model, "\x1b\n");
    assert_eq!(model.mode, Mode::Report(0));
    // The environment goes while its report is shown.
    model.show(picture(Vec::new()));
    assert_eq!(model.mode, Mode::List);

    for mode in [Mode::List, Mode::Help, Mode::Report(0), Mode::Typing] {
        model.mode = mode;
        assert_eq!(model.press(Key::Interrupt), Next::Interrupted);
        let quits = mode != Mode::Typing;
        assert_eq!(model.press(Key::Char('q')) == Next::Quit, quits, "{mode:?}");
    }
}

#[test]
fn events_are_bounded() {
    let mut model = model();
    for number in 0..2_000 {
        model.tell(event(What::Changed, &number.to_string()));
    }
    assert_eq!(model.events.len(), 1_000);
    assert_eq!(model.events.back(), Some(&event(What::Changed, "1999")));
}
