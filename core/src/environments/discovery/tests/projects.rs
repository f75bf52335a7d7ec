//! Files of a project that name environments elsewhere.

use super::super::in_project;
use super::*;
use crate::fs;

fn leads_in(machine: &Machine, project: &str) -> Leads {
    let project = machine.path(project);
    let mut leads = Leads::default();
    in_project(&machine.host, &project, &fs::list(&project).unwrap(), &mut leads);
    leads
}

#[test]
fn settings_of_editors() {
    let mut machine = Machine::new(Platform::Linux);
    machine.variable("HOME", "home/me");
    machine.file(
        "p/.vscode/settings.json",
        r#"{
            // The interpreter of this project.
            "python.defaultInterpreterPath": "${workspaceFolder}/../other/env",
            "python.pythonPath": "${env:HOME}/py/bin/python3",
            "python.venvPath": "~/all",
            "editor.tabSize": 4,
        }"#,
    );
    machine.file(
        "p/.idea/workspace.xml",
        r#"<option name="SDK_HOME" value="$PROJECT_DIR$/../x &amp; y/bin/python" />
           <option name="SDK_HOME" value="$PROJECT_DIR$/../x &amp; y/bin/python" />
           <option name="SDK_HOME" value="" />"#,
    );
    machine.file("p/.idea/misc.xml", r#"<component project-jdk-name="Python 3.12 (p)" />"#);
    machine.file("p/.idea/p.iml", r#"<orderEntry jdkName="{root}/iml/bin/python3.11" />"#);
    let leads = leads_in(&machine, "p");
    assert_eq!(leads.problems, []);
    machine.compare(
        &leads,
        &[
            "editor - children home/me/all",
            "editor - executable home/me/py/bin/python3",
            "editor - executable iml/bin/python3.11",
            "editor - executable p/../x & y/bin/python",
            "editor - prefix p/../other/env",
        ],
    );
}

#[test]
fn files_of_one_path() {
    let machine = Machine::new(Platform::Linux);
    machine.file("p/.pdm-python", "{root}/elsewhere/bin/python\n");
    machine.file("p/.venv", "~/kept/env\n");
    machine.file("q/.venv", "just-a-name\n");
    let leads = leads_in(&machine, "p");
    assert_eq!(leads.problems, []);
    machine.compare(
        &leads,
        &["workspace - executable elsewhere/bin/python", "workspace - prefix home/me/kept/env"],
    );
    machine.compare(&leads_in(&machine, "q"), &[]);
}

#[test]
fn a_project_cannot_lead_to_another_machine() {
    let machine = Machine::new(Platform::Linux);
    let remote = "//attacker/share/bin/python";
    machine.file("p/.pdm-python", remote);
    machine.file(
        "p/.vscode/settings.json",
        &format!(
            r#"{{"python.pythonPath": "{remote}", "python.venvPath": "//attacker/share",
                 "python.venvFolders": ["//attacker/share"]}}"#
        ),
    );
    machine.file("p/.idea/p.iml", &format!(r#"jdkName="{remote}""#));
    machine.compare(&leads_in(&machine, "p"), &[]);
}

#[test]
fn an_ordinary_folder_names_nothing() {
    let machine = Machine::new(Platform::Linux);
    machine.files(&["p/main.py", "p/.git/config", "p/.venv/pyvenv.cfg", "p/.vscode/tasks.json"]);
    let leads = leads_in(&machine, "p");
    assert_eq!(leads.problems, []);
    machine.compare(&leads, &[]);
}
