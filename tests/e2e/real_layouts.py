"""Stand-ins for LanceDB and filecoin-ffi: the layout and the calls of their releases, and nothing more.

The C libraries answer as the examples' programs expect: vectors are compared one by one, and a BLS
signature is a sum that no cryptographer would look at.
"""

from __future__ import annotations

from pathlib import Path

from tests.e2e.compilers import static_library

FILCRYPTO_H = """\
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef struct { const uint8_t *ptr; size_t len; } slice_ref_uint8_t;
void private_key_generate(uint8_t *key);
void private_key_public_key(const uint8_t *key, uint8_t *public_key);
void private_key_sign(const uint8_t *key, slice_ref_uint8_t message, uint8_t *signature);
void aggregate(slice_ref_uint8_t signatures, uint8_t *signature);
bool hash_verify(const uint8_t *signature, slice_ref_uint8_t messages, const size_t *sizes,
                 size_t count, const uint8_t *public_keys);
"""
_FILCRYPTO_C = (
    FILCRYPTO_H
    + """\
#include <string.h>
/* What Go code exports and calls back, as the real library does. */
extern int cgo_blockstore_get(void);
int fil_callback(void) { return cgo_blockstore_get(); }
void private_key_generate(uint8_t *key) {
    static uint8_t next = 1;
    memset(key, next++, 32);
}
void private_key_public_key(const uint8_t *key, uint8_t *public_key) {
    memset(public_key, 0, 48);
    memcpy(public_key, key, 32);
}
static void add(const uint8_t *key, const uint8_t *message, size_t size, uint8_t *sum) {
    for (size_t at = 0; at < 96; at++) {
        uint8_t word = key[at % 32];
        for (size_t i = 0; i < size; i++) word = (uint8_t)(word * 31 + message[i] + at);
        sum[at] ^= word;
    }
}
void private_key_sign(const uint8_t *key, slice_ref_uint8_t message, uint8_t *signature) {
    memset(signature, 0, 96);
    add(key, message.ptr, message.len, signature);
}
void aggregate(slice_ref_uint8_t signatures, uint8_t *signature) {
    memset(signature, 0, 96);
    for (size_t at = 0; at < signatures.len; at++) signature[at % 96] ^= signatures.ptr[at];
}
bool hash_verify(const uint8_t *signature, slice_ref_uint8_t messages, const size_t *sizes,
                 size_t count, const uint8_t *public_keys) {
    uint8_t sum[96] = {0};
    for (size_t i = 0, at = 0; i < count; at += sizes[i++])
        add(public_keys + 48 * i, messages.ptr + at, sizes[i], sum);
    return memcmp(sum, signature, 96) == 0;
}
"""
)
FILECOIN_MODULE = {
    "bls.go": """\
package ffi

// #cgo linux LDFLAGS: ${SRCDIR}/libfilcrypto.a -Wl,-unresolved-symbols=ignore-all
// #cgo pkg-config: ${SRCDIR}/filcrypto.pc
// #include "./filcrypto.h"
import "C"
import "github.com/filecoin-project/filecoin-ffi/cgo"

type (
	Message    = []byte
	PrivateKey = [32]byte
	PublicKey  = [48]byte
	Signature  = [96]byte
)

func PrivateKeyGenerate() PrivateKey { return cgo.Generate() }

func PrivateKeyPublicKey(key PrivateKey) *PublicKey { return cgo.Public(&key) }

func PrivateKeySign(key PrivateKey, message Message) *Signature { return cgo.Sign(&key, message) }

func Aggregate(signatures []Signature) *Signature {
	var all []byte
	for _, one := range signatures {
		all = append(all, one[:]...)
	}
	return cgo.Aggregate(all)
}

func HashVerify(signature *Signature, messages []Message, keys []PublicKey) bool {
	var all, publics []byte
	var sizes []int
	for i, message := range messages {
		all = append(all, message...)
		sizes = append(sizes, len(message))
		publics = append(publics, keys[i][:]...)
	}
	return cgo.Verify(signature, all, sizes, publics)
}
""",
    "cgo/bls.go": """\
package cgo

// #cgo LDFLAGS: -L${SRCDIR}/..
// #cgo pkg-config: ${SRCDIR}/../filcrypto.pc
// #include "../filcrypto.h"
import "C"
import "unsafe"

func bytes(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }

func Generate() (key [32]byte) {
	C.private_key_generate(bytes(key[:]))
	return
}

func Public(key *[32]byte) *[48]byte {
	var public [48]byte
	C.private_key_public_key(bytes(key[:]), bytes(public[:]))
	return &public
}

func Sign(key *[32]byte, message []byte) *[96]byte {
	out := C.malloc(96)
	defer C.free(out)
	text := C.CBytes(message)
	defer C.free(text)
	slice := C.slice_ref_uint8_t{ptr: (*C.uint8_t)(text), len: C.size_t(len(message))}
	C.private_key_sign(bytes(key[:]), slice, (*C.uint8_t)(out))
	return (*[96]byte)(C.GoBytes(out, 96))
}

func Aggregate(signatures []byte) *[96]byte {
	all := C.CBytes(signatures)
	defer C.free(all)
	var sum [96]byte
	slice := C.slice_ref_uint8_t{ptr: (*C.uint8_t)(all), len: C.size_t(len(signatures))}
	C.aggregate(slice, bytes(sum[:]))
	return &sum
}

func Verify(signature *[96]byte, messages []byte, sizes []int, keys []byte) bool {
	all := C.CBytes(messages)
	defer C.free(all)
	lengths := make([]C.size_t, len(sizes))
	for i, size := range sizes {
		lengths[i] = C.size_t(size)
	}
	slice := C.slice_ref_uint8_t{ptr: (*C.uint8_t)(all), len: C.size_t(len(messages))}
	return bool(C.hash_verify(bytes(signature[:]), slice, unsafe.SliceData(lengths),
		C.size_t(len(sizes)), bytes(keys)))
}
""".replace('// #include "../', '// #include <stdlib.h>\n// #include "../'),
    "cgo/callback.go": """\
package cgo

import "C"

//export cgo_blockstore_get
func cgo_blockstore_get() C.int { return 7 }
""",
}
"""The Go module's files: its root package and the one that includes `../filcrypto.h`."""

LANCEDB_H = """\
#include <stddef.h>
int simple_lancedb_init(void);
size_t simple_lancedb_nearest(const float *all, size_t rows, const float *wanted, size_t dimensions);
"""
_LANCEDB_C = (
    LANCEDB_H
    + """\
int simple_lancedb_init(void) { return 0; }
size_t simple_lancedb_nearest(const float *all, size_t rows, const float *wanted, size_t dimensions) {
    size_t best = 0;
    float least = -1;
    for (size_t row = 0; row < rows; row++) {
        float sum = 0;
        for (size_t i = 0; i < dimensions; i++) {
            float apart = all[row * dimensions + i] - wanted[i];
            sum += apart * apart;
        }
        if (least < 0 || sum < least) { least = sum; best = row; }
    }
    return best;
}
"""
)
LANCEDB_MODULE = {
    "go.mod": """\
module github.com/lancedb/lancedb-go

go 1.21

require github.com/apache/arrow/go/v17 v17.0.0
""",
    "pkg/lancedb/connect.go": """\
package lancedb

/*
#cgo CFLAGS: -I${SRCDIR}/../../include
#cgo linux,amd64 LDFLAGS: ${SRCDIR}/../../lib/linux_amd64/liblancedb_go.a -lm -ldl -lpthread
#include "lancedb.h"
*/
import "C"
import (
	"context"
	"errors"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

type (
	Options    struct{}
	AddOptions struct{}
	Connection struct{}
	Table      struct{ record arrow.Record }
)

func Connect(_ context.Context, _ string, _ *Options) (*Connection, error) {
	if C.simple_lancedb_init() != 0 {
		return nil, errors.New("no library")
	}
	return &Connection{}, nil
}

func NewSchema(schema *arrow.Schema) (*arrow.Schema, error) { return schema, nil }

func (*Connection) Close() error { return nil }

func (*Connection) CreateTable(_ context.Context, _ string, _ *arrow.Schema) (*Table, error) {
	return &Table{}, nil
}

func (*Table) Close() error { return nil }

func (t *Table) Add(_ context.Context, record arrow.Record, _ *AddOptions) error {
	t.record = record
	return nil
}

func (t *Table) VectorSearch(_ context.Context, column string, vector []float32, _ int) (
	[]map[string]interface{}, error) {
	lists := t.record.Column(t.record.Schema().FieldIndices(column)[0]).(*array.FixedSizeList)
	values := lists.ListValues().(*array.Float32).Float32Values()
	found := C.simple_lancedb_nearest((*C.float)(unsafe.SliceData(values)), C.size_t(lists.Len()),
		(*C.float)(unsafe.SliceData(vector)), C.size_t(len(vector)))
	ids := t.record.Column(0).(*array.Int32)
	return []map[string]interface{}{{"id": ids.Value(int(found))}}, nil
}
""",
}
"""The Go module's files: the functions of `lancedb` that the example calls, on the real Arrow."""


def filcrypto(folder: Path) -> dict[str, bytes]:
    """Return the contents of filecoin-ffi's archive for this platform, below its folder."""
    return {
        "libfilcrypto.a": _library(_FILCRYPTO_C, folder / "libfilcrypto.a"),
        "filcrypto.h": FILCRYPTO_H.encode(),
        "filcrypto.pc": b"Name: filcrypto\nDescription: \nVersion: 1\nLibs: -lm\n",
    }


def lancedb(folder: Path) -> tuple[bytes, bytes]:
    """LanceDB's library for this platform, and its header."""
    return _library(_LANCEDB_C, folder / "liblancedb_go.a"), LANCEDB_H.encode()


def _library(source: str, path: Path) -> bytes:
    return static_library("linux_amd64", source, path).read_bytes()
