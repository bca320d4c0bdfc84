//! The committed code under `src/generated` is what the `.proto` files say.
//!
//! `BAZAAR_REGENERATE=1 cargo test -p wire --test generated` writes it anew. No protoc is needed, and the shipped build
//! runs no generator at all.

use std::fs;
use std::path::{Path, PathBuf};

const CODE: &str = "bazaar.v1.rs";
const DESCRIPTORS: &str = "bazaar.v1.bin";

fn proto_files(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("proto/bazaar/v1"))
        .expect("the folder of the protocol")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "proto"))
        .collect();
    files.sort();
    files
}

fn compiler(root: &Path) -> protox::Compiler {
    let mut compiler = protox::Compiler::new([root.join("proto")]).expect("the include folder");
    compiler.include_imports(true);
    compiler.open_files(proto_files(root)).expect("valid protobuf");
    compiler
}

/// The Rust code: comments and all.
fn code(root: &Path) -> Vec<u8> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    fs::create_dir_all(&out).expect("a folder for the output");
    let mut compiler = compiler(root);
    compiler.include_source_info(true);
    tonic_prost_build::configure()
        .out_dir(&out)
        .bytes(".bazaar.v1.Entry.command")
        .bytes(".bazaar.v1.OrderRow.encoded")
        .bytes(".bazaar.v1.Raft.context")
        .bytes(".bazaar.v1.RaftEntry.envelope")
        .bytes(".bazaar.v1.SnapshotName.mark")
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())
        .expect("generated code");
    fs::read(out.join(CODE)).expect("the generated file")
}

/// The descriptors that the reflection service shows: without comments, to keep the binary small.
fn descriptors(root: &Path) -> Vec<u8> {
    let mut compiler = compiler(root);
    compiler.include_source_info(false);
    compiler.encode_file_descriptor_set()
}

#[test]
fn committed_code_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, fresh) in [(CODE, code(root)), (DESCRIPTORS, descriptors(root))] {
        let path = root.join("src/generated").join(name);
        if std::env::var_os("BAZAAR_REGENERATE").is_some() {
            fs::write(&path, &fresh).expect("the generated file can be written");
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "{name} is not what the .proto files say; see this file's head"
        );
    }
}
