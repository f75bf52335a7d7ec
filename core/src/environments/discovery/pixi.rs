//! pixi: global environments, and those of projects that keep them outside of the project.
//!
//! With `detached-environments` in its settings, a project's environments are in
//! `<folder>/<project>-<hash>/envs`, where the folder is the one named there or the cache's `envs`.

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders::{self, store};
use super::lead::Leads;
use super::places;
use crate::host::{Host, Platform};

const CONFIG_BYTES: u64 = 1 << 18;
const KIND: Option<EnvironmentKind> = Some(EnvironmentKind::Pixi);

/// Leads to pixi's environments outside of projects.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let home = host.variable_path("PIXI_HOME").or_else(|| host.home_place(".pixi"));
    if let Some(home) = &home {
        store(host, leads, home.join("envs"), KIND, Source::Pixi);
    }
    let mut detached = Vec::new();
    for cache in caches(host) {
        for temporary in folders::matching(&cache, "cached-envs-v*") {
            store(host, leads, temporary, KIND, Source::Pixi);
        }
        detached.push(cache.join("envs"));
    }
    for file in settings(host, home) {
        let table = leads.toml(&file, CONFIG_BYTES);
        let folder = table.as_ref().and_then(|table| table.get("detached-environments")?.as_str());
        detached.extend(folder.and_then(|folder| places::expand(host, folder)));
    }
    for folder in detached {
        for envs in folders::matching(&folder, "*/envs") {
            store(host, leads, envs, KIND, Source::Pixi);
        }
    }
}

fn caches(host: &Host) -> Vec<PathBuf> {
    let mut caches: Vec<PathBuf> = ["PIXI_CACHE_DIR", "RATTLER_CACHE_DIR"]
        .iter()
        .filter_map(|n| host.variable_path(n))
        .collect();
    caches.extend(places::xdg_cache(host).map(|cache| cache.join("pixi")));
    caches.extend(places::cache(host).map(|cache| cache.join("rattler").join("cache")));
    caches
}

fn settings(host: &Host, home: Option<PathBuf>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = match host.platform {
        Platform::Windows => {
            host.variable_path("PROGRAMDATA").map(|data| data.join("pixi")).into_iter().collect()
        }
        _ => vec![host.place("/etc/pixi")],
    };
    folders.extend(places::xdg_config(host).map(|config| config.join("pixi")));
    folders.extend(places::config(host).map(|config| config.join("pixi")));
    folders.extend(home);
    folders.dedup();
    folders.into_iter().map(|folder| folder.join("config.toml")).collect()
}
