//! A C interface over what large crates are made of: TLS by aws-lc, a C++ index, C compressors, protobuf.

use std::io::{Read, Write};
use std::sync::Arc;

use prost::Message;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

mod answer {
    include!(concat!(env!("OUT_DIR"), "/answer.rs"));
}

type Failure = Box<dyn std::error::Error>;
/// Called with each neighbour; ends the search with another number than 0.
type Visit = extern "C" fn(handle: usize, key: u64, distance: f32) -> i32;

/// Writes a message Answer, in protobuf; gives its size, or 0 where something fails.
///
/// # Safety
/// `out` has `capacity` bytes.
#[no_mangle]
pub unsafe extern "C" fn large_describe(out: *mut u8, capacity: usize) -> usize {
    let Ok(message) = describe() else { return 0 };
    let bytes = message.encode_to_vec();
    if bytes.len() > capacity {
        return 0;
    }
    std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, bytes.len());
    bytes.len()
}

/// Calls back for the `count` neighbours of a point on a line from 0 to 99; gives how many were visited.
#[no_mangle]
pub extern "C" fn large_search(at: f32, count: usize, visit: Visit, handle: usize) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { search(at, count, visit, handle).unwrap_or(-1) })
}

fn describe() -> Result<answer::Answer, Failure> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let count = roots.len() as u32;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let suite = format!("{:?}", config.crypto_provider().cipher_suites[0].suite());
    let host = url::Url::parse("https://bücher.example/")?.host_str().unwrap_or("").to_string();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from(host.clone())?)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    let text = serde_json::json!({"host": host}).to_string();
    Ok(answer::Answer { suite, hello: hello[0].into(), roots: count, text: again(&text)? })
}

/// A text, through two compressors and back.
fn again(text: &str) -> Result<String, Failure> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(text.as_bytes())?;
    let packed = zstd::encode_all(zlib.finish()?.as_slice(), 0)?;
    let unpacked = zstd::decode_all(packed.as_slice())?;
    let mut read = String::new();
    flate2::read::ZlibDecoder::new(unpacked.as_slice()).read_to_string(&mut read)?;
    Ok(read)
}

fn search(at: f32, count: usize, visit: Visit, handle: usize) -> Result<i32, Failure> {
    let options = IndexOptions {
        dimensions: 2,
        metric: MetricKind::L2sq,
        quantization: ScalarKind::F32,
        ..IndexOptions::default()
    };
    let index = Index::new(&options)?;
    index.reserve(100)?;
    for key in 0..100 {
        index.add(key, &[key as f32, 0.0])?;
    }
    let found = index.search(&[at, 0.0], count)?;
    let mut visited = 0;
    for (key, distance) in found.keys.iter().zip(found.distances) {
        visited += 1;
        if visit(handle, *key, distance) != 0 {
            break;
        }
    }
    Ok(visited)
}
