"""The architectures of object files, as `GOARCH`, by the numbers in their headers.

References: System V ABI (`e_machine`); Apple's <mach/machine.h>; Microsoft's "PE Format".
"""

ELF_ARCHS = {
    62: "amd64",
    183: "arm64",
    3: "386",
    40: "arm",
    21: "ppc64le",
    243: "riscv64",
    22: "s390x",
}
MACH_O_ARCHS = {0x01000007: "amd64", 0x0100000C: "arm64"}
COFF_ARCHS = {0x8664: "amd64", 0x14C: "386", 0xAA64: "arm64"}
