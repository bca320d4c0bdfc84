//! Files of the supervisor: the configuration it writes, the folders it makes, stores it empties on purpose.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::UpError;
use super::args::UpArgs;
use super::logs::turn_over;
use crate::config::{
    CATALOG_REPLICAS, CUSTOMERS_ABOVE, Config, Loaded, LocalPorts, METRICS_ABOVE, Place, load,
    render,
};
use crate::rest::entropy;

/// Everything that must be there before the first process starts.
pub(super) struct Prepared {
    /// The configuration that the children read.
    pub(super) file: PathBuf,
    pub(super) loaded: Loaded,
    /// Overrides that the children must know too.
    pub(super) overrides: Vec<(String, String)>,
    /// Held while the supervisor lives, so that no second one uses the same data.
    _lock: File,
}

/// Writes the configuration if there is none, reads it, locks the data, empties it if asked to, turns logs over.
pub(super) fn prepare(args: &UpArgs) -> Result<Prepared, UpError> {
    let file = match &args.config.config {
        Some(file) => absolute(file)?,
        None => written(args)?,
    };
    let mut overrides = args.overrides();
    overrides.extend(port_overrides(args, &file)?);
    if let (Some(_), Some(data)) = (&args.config.config, &args.data) {
        make_folder(data)?;
        overrides.push(("data".to_owned(), absolute(data)?.to_string_lossy().into_owned()));
    }
    let mut sources = args.config.sources(&file);
    sources.flags = overrides
        .iter()
        .map(|(path, value)| (format!("--set {path}"), path.clone(), value.clone()))
        .collect();
    // The variable is read as the flag --data already; relative to the file's folder it would name another one.
    sources.environment.retain(|(name, _)| name != "BAZAAR_DATA");
    let loaded = load(&sources)?;
    make_folder(&loaded.config.data)?;
    let lock = lock(&loaded.config.data)?;
    if args.fresh {
        empty(&loaded.config)?;
    }
    let logs = loaded.config.logs();
    make_folder(&logs)?;
    for service in loaded.config.services() {
        let log = logs.join(format!("{service}.log"));
        turn_over(&log).map_err(failed(|| format!("cannot rename {}", log.display())))?;
    }
    // The children share this process's environment; the folder must be the same for them.
    overrides.push(("data".to_owned(), loaded.config.data.to_string_lossy().into_owned()));
    Ok(Prepared { file, loaded, overrides, _lock: lock })
}

/// The configuration in the data folder, written now if it does not exist.
fn written(args: &UpArgs) -> Result<PathBuf, UpError> {
    let data = args.data.as_deref().unwrap_or(Path::new("bazaar-data"));
    make_folder(data)?;
    let file = absolute(data)?.join("bazaar.toml");
    if !file.exists() {
        let ports = LocalPorts::counted(
            args.port.unwrap_or(8080),
            args.grpc_port.unwrap_or(7101),
            args.catalogs.unwrap_or(CATALOG_REPLICAS),
            args.gateways.unwrap_or(1),
        )
        .with_customers(args.grpc_port.unwrap_or(7101), args.customers.unwrap_or(0));
        // The folder may be moved as a whole: data lies where the file lies.
        let config = Config::local(&ports, Path::new("."));
        if let Some(secret) = &config.customers.secret_file {
            write_secret(&file.with_file_name(secret))?;
        }
        let text = render(&config);
        fs::write(&file, text).map_err(failed(|| format!("cannot write {}", file.display())))?;
    }
    Ok(file)
}

/// Makes the secret of the customers' group, which nobody but this user can read.
fn write_secret(path: &Path) -> Result<(), UpError> {
    let drawn = entropy().map_err(failed(|| "cannot read entropy".to_owned()))?;
    let text: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = File::options();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(failed(|| format!("cannot write {}", path.display())))
}

/// Ports given by flag, as overrides of a file that was written earlier.
fn port_overrides(args: &UpArgs, file: &Path) -> Result<Vec<(String, String)>, UpError> {
    let counts = args.gateways.is_some() || args.catalogs.is_some() || args.customers.is_some();
    if args.port.is_none() && args.grpc_port.is_none() && !counts {
        return Ok(Vec::new());
    }
    let text =
        fs::read_to_string(file).map_err(failed(|| format!("cannot read {}", file.display())))?;
    // A file that cannot be read as a configuration is complained about when it is loaded.
    let Ok(config) = toml::from_str::<Config>(&text) else { return Ok(Vec::new()) };
    same_count(file, "gateways", args.gateways, config.gateways.len())?;
    same_count(file, "catalogs", args.catalogs, config.catalog.replicas.len())?;
    same_count(file, "customers", args.customers, config.customers.replicas.len())?;
    let mut overrides = Vec::new();
    if let Some(port) = args.port {
        for (gateway, port) in config.gateways.iter().zip((port..).step_by(2)) {
            let id = gateway.id;
            overrides.push((format!("gateways.{id}.address"), moved(gateway.address.host(), port)));
            let next = port.saturating_add(1);
            overrides
                .push((format!("gateways.{id}.internal"), moved(gateway.internal.host(), next)));
        }
    }
    if let Some(port) = args.grpc_port {
        overrides.extend(moved_between_services(&config, port));
    }
    Ok(overrides)
}

/// A file that is there already says how many there are.
fn same_count(file: &Path, what: &str, wanted: Option<u8>, found: usize) -> Result<(), UpError> {
    if wanted.is_none_or(|wanted| usize::from(wanted) == found) {
        return Ok(());
    }
    let place = Place::File { file: file.to_owned(), line: 1, column: 1 };
    Err(UpError::Flags(format!(
        "{place}: it has {found} {what}, which --{what} cannot change; edit it, or remove it to have it written anew"
    )))
}

/// Ports between services counted up from `first`, and those of metrics (where the file has any) from further above.
fn moved_between_services(config: &Config, first: u16) -> Vec<(String, String)> {
    let catalogs = config.catalog.replicas.iter().map(|one| ("catalog", one));
    let replicas: Vec<_> =
        catalogs.chain(config.orders.replicas.iter().map(|one| ("orders", one))).collect();
    let dialled = replicas.iter().map(|(group, one)| (*group, one.id, "address", &one.address));
    let gateways = config.gateways.iter().map(|one| ("gateways", one.id, "grpc", &one.grpc));
    let customers = config.customers.replicas.iter().map(|one| ("customers", one));
    let members = customers
        .clone()
        .map(|(group, one)| (group, one.id, "address", &one.address))
        .zip(first.saturating_add(CUSTOMERS_ABOVE)..);
    let metrics = replicas
        .iter()
        .copied()
        .chain(customers)
        .filter_map(|(group, one)| Some((group, one.id, "metrics", one.metrics.as_ref()?)));
    let grpc = dialled.chain(gateways).zip(first..);
    grpc.chain(members)
        .chain(metrics.zip(first.saturating_add(METRICS_ABOVE)..))
        .map(|((group, id, field, old), port)| {
            (format!("{group}.{id}.{field}"), moved(old.host(), port))
        })
        .collect()
}

fn moved(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn make_folder(folder: &Path) -> Result<(), UpError> {
    fs::create_dir_all(folder).map_err(failed(|| format!("cannot make {}", folder.display())))
}

fn absolute(path: &Path) -> Result<PathBuf, UpError> {
    fs::canonicalize(path).map_err(failed(|| format!("cannot find {}", path.display())))
}

fn failed(what: impl FnOnce() -> String) -> impl FnOnce(std::io::Error) -> UpError {
    move |source| UpError::Files { what: what(), source }
}

/// One supervisor per data folder. The lock goes with the process, however it ends.
fn lock(data: &Path) -> Result<File, UpError> {
    let path = data.join("up.lock");
    let file =
        File::create(&path).map_err(failed(|| format!("cannot write {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(UpError::InUse { folder: data.display().to_string() }),
        Err(TryLockError::Error(source)) => {
            Err(UpError::Files { what: format!("cannot lock {}", path.display()), source })
        }
    }
}

/// Removes the stores of all services, and nothing else.
fn empty(config: &Config) -> Result<(), UpError> {
    for service in config.services() {
        let folder = config.data_of(service);
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .map_err(failed(|| format!("cannot remove {}", folder.display())))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Address;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        up: UpArgs,
    }

    fn args(folder: &Path, more: &[&str]) -> UpArgs {
        let data = folder.to_string_lossy().into_owned();
        let flags = ["up", "--data", data.as_str()];
        Cli::parse_from(flags.iter().chain(more)).up
    }

    #[test]
    fn the_first_start_writes_a_configuration_and_the_next_one_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = prepare(&args(
            folder.path(),
            &["--port", "9000", "--gateways", "2", "--catalogs", "5"],
        ))
        .unwrap();
        assert_eq!(first.loaded.config.catalog.replicas.len(), 5);
        assert_eq!(first.loaded.config.gateways.len(), 2);
        assert_eq!(first.loaded.config.gateways[1].internal.port(), 9003);
        drop(first);
        let again = prepare(&args(folder.path(), &["--cache-size", "3"])).unwrap();
        assert_eq!(again.loaded.config.gateway(1).unwrap().address.port(), 9000);
        assert_eq!(again.loaded.config.cache.size, 3);
        assert!(again.overrides.contains(&("cache.size".to_owned(), "3".to_owned())));
    }

    #[test]
    fn ports_given_later_override_the_file() {
        let folder = tempfile::tempdir().unwrap();
        drop(prepare(&args(folder.path(), &[])).unwrap());
        let moved =
            prepare(&args(folder.path(), &["--port", "9500", "--grpc-port", "9600"])).unwrap();
        let config = &moved.loaded.config;
        assert_eq!(config.gateways[0].internal.port(), 9501);
        assert_eq!(config.catalog.replicas[0].address.port(), 9600);
        assert_eq!(config.catalog.replicas[2].address.port(), 9602);
        assert_eq!(config.orders.replicas[2].address.port(), 9605);
        assert_eq!(config.gateways[0].grpc.port(), 9606);
        assert_eq!(config.catalog.replicas[0].metrics, Some(Address::loopback(9630)));
        assert_eq!(config.orders.replicas[2].metrics, Some(Address::loopback(9635)));
        drop(moved);
        let error = prepare(&args(folder.path(), &["--gateways", "2"])).err().unwrap();
        assert!(error.to_string().contains("has 1 gateways"), "{error}");
        let error = prepare(&args(folder.path(), &["--catalogs", "1"])).err().unwrap();
        assert!(error.to_string().contains("has 3 catalogs"), "{error}");
    }

    #[test]
    fn customers_come_when_asked_for_with_a_secret_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let flags = ["--customers", "5", "--grpc-port", "9600"];
        let first = prepare(&args(folder.path(), &flags)).unwrap();
        let group = &first.loaded.config.customers;
        assert_eq!(group.replicas.len(), 5);
        let secret = crate::config::read_secret(group).unwrap();
        let file = folder.path().join("customers.secret");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        drop(first);
        let moved = prepare(&args(folder.path(), &["--grpc-port", "9700"])).unwrap();
        let group = &moved.loaded.config.customers;
        assert_eq!(group.replicas[1].address.port(), 9725);
        assert_eq!(group.replicas[1].metrics, Some(Address::loopback(9737)));
        assert_eq!(crate::config::read_secret(group).unwrap(), secret, "made once");
        drop(moved);
        let error = prepare(&args(folder.path(), &["--customers", "3"])).err().unwrap();
        assert!(error.to_string().contains("has 5 customers"), "{error}");
    }

    #[test]
    fn a_configuration_elsewhere_may_use_another_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        drop(prepare(&args(folder.path(), &[])).unwrap());
        let file = folder.path().join("bazaar.toml");
        let other = tempfile::tempdir().unwrap();
        let prepared =
            prepare(&args(other.path(), &["--config", &file.to_string_lossy()])).unwrap();
        assert_eq!(prepared.loaded.config.data, other.path().canonicalize().unwrap());
    }

    #[test]
    fn a_folder_has_one_supervisor() {
        let folder = tempfile::tempdir().unwrap();
        let first = prepare(&args(folder.path(), &[])).unwrap();
        let error = prepare(&args(folder.path(), &[])).err().unwrap();
        assert!(matches!(error, UpError::InUse { .. }), "{error}");
        drop(first);
        prepare(&args(folder.path(), &[])).unwrap();
    }

    #[test]
    fn fresh_empties_stores_and_keeps_everything_else() {
        let folder = tempfile::tempdir().unwrap();
        drop(prepare(&args(folder.path(), &[])).unwrap());
        let store = folder.path().join("orders-2");
        fs::create_dir(&store).unwrap();
        fs::write(store.join("log"), "x").unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        prepare(&args(folder.path(), &["--fresh"])).unwrap();
        assert!(!store.exists());
        assert!(folder.path().join("notes.txt").exists());
        assert!(folder.path().join("bazaar.toml").exists());
    }
}
