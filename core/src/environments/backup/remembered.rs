//! What an environment of a backup was, as a repair takes it.

use super::manifest::{SavedDistribution, SavedEnvironment, SavedLink, SavedWheel};
use super::places::Places;
use super::{Backup, Error};
use crate::environments::PythonTag;
use crate::environments::distributions::direct_url;
use crate::environments::repair::{Remembered, RememberedDistribution, RememberedFile};
use crate::environments::wheels::location::Location;

/// All of it, where it was: what a repair goes by where nothing else is remembered. Wheels stay in the backup.
pub fn as_it_was(backup: &Backup, saved: &SavedEnvironment) -> Result<Remembered, Error> {
    let cfg = saved.pyvenv_cfg.as_ref().map(|member| backup.member(member)).transpose()?;
    Ok(Remembered {
        base: saved.base_executable.as_ref().map(|path| path.to_path_buf()),
        version: saved.version.as_deref().and_then(|text| text.parse().ok()),
        pyvenv_cfg: cfg,
        ..installed(backup, saved, &Places::default(), |_| Ok(None))?
    })
}

/// What was installed, at the places of now; `wheel` says where a wheel of the backup is.
pub(super) fn installed(
    backup: &Backup,
    saved: &SavedEnvironment,
    places: &Places,
    wheel: impl Fn(&SavedWheel) -> Result<Option<Location>, Error>,
) -> Result<Remembered, Error> {
    let mut distributions = Vec::new();
    for one in &saved.distributions {
        let wheel = one.wheel.as_ref().map(&wheel).transpose()?.flatten();
        let file = |link: &SavedLink| RememberedFile {
            path: link.path.clone(),
            content: places.in_text(&link.content).into_bytes(),
        };
        distributions.push(RememberedDistribution {
            name: one.name.clone(),
            version: one.version.clone(),
            requested: one.requested,
            installer: one.installer.clone(),
            direct_url: place(one, places),
            wheel,
            files: one.links.iter().map(file).collect(),
        });
    }
    Ok(Remembered {
        source: format!("the backup of {}", backup.manifest().created),
        tag: tag(saved),
        distributions,
        ..Remembered::default()
    })
}

/// The bytes of `direct_url.json`, with the place as it is here.
pub(super) fn place(saved: &SavedDistribution, places: &Places) -> Option<Vec<u8>> {
    let mut value = saved.direct_url.clone()?;
    let path = value["url"].as_str().and_then(direct_url::path_of_url);
    if let Some(text) =
        path.and_then(|path| places.mapped(&path).into_os_string().into_string().ok())
    {
        value["url"] = direct_url::url_of_path(&text).into();
    }
    serde_json::to_vec(&value).ok()
}

/// `python3.14t`, of the version and the ABI flags.
pub(super) fn tag(saved: &SavedEnvironment) -> Option<PythonTag> {
    let stem = match saved.implementation.as_deref() {
        None | Some("cpython") => "python",
        Some("pypy") => "pypy",
        Some("graalpy") => "graalpy",
        Some(_) => return None,
    };
    PythonTag::from_name(&format!("{stem}{}{}", saved.minor()?, saved.abi_flags))
}
