//! Sizes and offsets of what crosses the boundary, for C# to compare its own with: `name number` a line.

use std::collections::BTreeMap;
use std::fs;

use aios_core::buffer::MetricFrame;
use aios_core::publish::environments as published;

use crate::c_abi::{How, Program, of_the_project, succeeded};
use crate::support::Home;

/// `aios_str 16`, `aios_str.len 8`: as the compiler of C has what the header says, which Rust's own numbers are
/// compared with.
fn of_the_header(home: &Home) -> BTreeMap<String, usize> {
    let header = fs::read_to_string(of_the_project("include/aios.h")).unwrap();
    let mut source = "#include <aios.h>\n#include <stdio.h>\nint main(void) {\n".to_owned();
    for rest in header.split("typedef struct ").skip(1) {
        // Opaque ones have no body.
        let Some((name, body)) = rest.split_once(" {\n").filter(|(name, _)| !name.contains(' '))
        else {
            continue;
        };
        source += &format!("  printf(\"{name} %zu\\n\", sizeof({name}));\n");
        let (body, _) = body.split_once("\n}").unwrap();
        for line in body.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let field = line.trim_end_matches(';').split(['[', ';']).next().unwrap();
            let field = field.rsplit([' ', '*']).next().unwrap();
            source += &format!("  printf(\"{name}.{field} %zu\\n\", offsetof({name}, {field}));\n");
        }
    }
    source += "  return 0;\n}\n";
    let path = home.join("layouts.c");
    fs::write(&path, source).unwrap();
    let program = Program::of_source(&path, How::Usual);
    let said = succeeded(&program.command(home).output().unwrap());
    said.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
        .collect()
}

/// The offsets that Rust asserts when it is compiled: `sized!(aios_x: 24 { version: 8 });`.
fn of_the_sources() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(of_the_project("ffi/src")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let code = text.split("mod tests {").next().unwrap();
        for rest in code.split("\nsized!(").skip(1) {
            let (name, rest) = rest.split_once(':').unwrap();
            let (_, fields) = rest.split_once('{').unwrap();
            let (fields, _) = fields.split_once('}').unwrap();
            for field in fields.split(',').filter(|field| !field.trim().is_empty()) {
                let (field, offset) = field.split_once(':').unwrap();
                let place = format!("{name}.{}", field.trim());
                found.insert(place, offset.trim().parse().unwrap());
            }
        }
    }
    found
}

/// All of them, as text.
pub(super) fn layouts(home: &Home) -> String {
    let mut all = of_the_header(home);
    let sources = of_the_sources();
    assert!(sources.len() > 100, "{}", sources.len());
    for (place, offset) in sources {
        assert_eq!(all.get(&place), Some(&offset), "{place}");
    }
    let shared = [
        ("metrics", size_of::<MetricFrame>()),
        ("metrics.values", std::mem::offset_of!(MetricFrame, values)),
        ("metrics.flag", std::mem::offset_of!(MetricFrame, flag)),
        ("state.header", published::HEADER_BYTES),
        ("state.environment", published::ENVIRONMENT_BYTES),
        ("state.finding", published::FINDING_BYTES),
        ("state.problem", published::PROBLEM_BYTES),
        ("state.text", published::TEXT_BYTES),
    ];
    all.extend(shared.map(|(name, number)| (name.to_owned(), number)));
    all.iter().map(|(name, number)| format!("{name} {number}\n")).collect()
}
