//! Putting a configuration together: file, then environment, then flags.

use std::path::{Path, PathBuf};

use super::check;
use super::place::{Place, Places};
use super::problem::{ConfigError, Problem, Severity};
use super::settings;
use super::types::{Config, ListingsSource};

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file. Relative paths inside it count from its folder.
    pub file: Option<PathBuf>,
    /// Variables; those that do not begin with `BAZAAR_` are left alone.
    pub environment: Vec<(String, String)>,
    /// Overrides by flag: flag (for messages), setting, value.
    pub flags: Vec<(String, String, String)>,
}

/// A configuration that can work.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// It.
    pub config: Config,
    /// What is odd about it.
    pub warnings: Vec<Problem>,
}

/// Reads, overrides, checks.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let (config, mut places) = match &sources.file {
        Some(file) => read(file)?,
        None => (Config::default(), Places::default()),
    };
    let mut config = config;
    let mut problems = Vec::new();
    override_by_environment(&mut config, &mut places, &mut problems, &sources.environment);
    override_by_flags(&mut config, &mut places, &mut problems, &sources.flags);
    problems.extend(check::check(&config, &places));
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(ConfigError::Invalid(problems));
    }
    Ok(Loaded { config, warnings: problems })
}

fn read(file: &Path) -> Result<(Config, Places), ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
    let mut config: Config = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let place = Place::offset(file, &text, offset);
        ConfigError::Invalid(vec![Problem::error(place, error.message(), cure(error.message()))])
    })?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        anchor(&mut config, folder);
    }
    Ok((config, Places::of(file, &text)))
}

/// What to do about a text that is no configuration at all.
fn cure(message: &str) -> &'static str {
    if message.starts_with("unknown field") {
        "correct the name, or remove the line"
    } else if message.starts_with("missing field") {
        "add it"
    } else if message.starts_with("invalid") || message.starts_with("unknown variant") {
        "write a value of the kind that is expected"
    } else {
        "correct the value; docs/operations.md lists every setting"
    }
}

/// Relative paths count from the file's folder, so that a deployment can be started from anywhere.
fn anchor(config: &mut Config, folder: &Path) {
    let here = config.data.as_os_str() == ".";
    config.data = if here { folder.to_owned() } else { folder.join(&config.data) };
    config.cache.log = config.cache.log.take().map(|path| folder.join(path));
    let secret = &mut config.customers.secret_file;
    *secret = secret.take().map(|path| folder.join(path));
    if let Some(data) = config.payment.as_mut().and_then(|payment| payment.data.as_mut()) {
        *data = folder.join(&*data);
    }
    for source in [&mut config.catalog.stocks, &mut config.catalog.toys] {
        if let Some(ListingsSource::File(path)) = source {
            *path = folder.join(&path);
        }
    }
}

fn override_by_environment(
    config: &mut Config,
    places: &mut Places,
    problems: &mut Vec<Problem>,
    environment: &[(String, String)],
) {
    for (variable, value) in environment {
        let place = Place::Environment { variable: variable.clone() };
        match settings::path_of_variable(config, variable) {
            Some(path) => override_one(config, places, problems, place, &path, value),
            None if settings::looks_like_ours(variable) => problems.push(Problem::warning(
                place,
                "no setting has this name",
                "correct the name, or remove the variable",
            )),
            None => {}
        }
    }
}

fn override_by_flags(
    config: &mut Config,
    places: &mut Places,
    problems: &mut Vec<Problem>,
    flags: &[(String, String, String)],
) {
    for (flag, path, value) in flags {
        let place = Place::Flag { flag: flag.clone() };
        override_one(config, places, problems, place, path, value);
    }
}

fn override_one(
    config: &mut Config,
    places: &mut Places,
    problems: &mut Vec<Problem>,
    place: Place,
    path: &str,
    value: &str,
) {
    match settings::apply(config, path, value) {
        Ok(path) => places.set(&path, place),
        Err(error) => problems.push(Problem::error(
            place,
            error.to_string(),
            "correct it; `bazaar config check --settings` lists every setting",
        )),
    }
}
