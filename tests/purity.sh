#!/bin/sh
# Goal: show that the objects of proto/ can be run on nothing but memory: they need no socket, file,
# clock or random source, so that whoever feeds them decides everything that they do.
#
# usage: purity.sh LIBPROTO.a
#
# Every symbol that the archive leaves undefined must be on the list below. The libraries on it are
# taken at their word: jansson seeds its hash tables by itself, which shows in no output as its
# objects keep their order; libcrypto reads its configuration when it is first used.
set -eu
export LC_ALL=C

allowed() {
    case $1 in
    # Of what is allowed below: what draws random numbers, touches files or asks for the time.
    crypto_*_keygen | crypto_*_keypair | crypto_*_random | crypto_*_seal) return 1 ;;
    EVP_CIPHER_CTX_rand_key | crypto_*_init_push | crypto_pwhash_str*) return 1 ;;
    json_load_file | json_loadf | json_loadfd | json_dump_file) return 1 ;;
    json_dumpf | json_dumpfd | json_object_seed | strftime | strftime_l | memfd_create) return 1 ;;
    # Memory and text.
    malloc | calloc | realloc | reallocarray | free | mem* | str* | stpcpy | stpncpy) return 0 ;;
    snprintf | vsnprintf | __isoc23_strto* | qsort | bsearch | __errno_location) return 0 ;;
    abort | __assert_fail) return 0 ;;
    # Computing.
    crypto_* | randombytes_buf_deterministic | json_*) return 0 ;;
    sodium_memzero | sodium_memcmp | sodium_compare | sodium_is_zero | sodium_increment) return 0 ;;
    sodium_bin2hex | sodium_hex2bin) return 0 ;;
    EVP_aes_256_gcm | EVP_CIPHER_CTX_* | EVP_CipherInit_ex | EVP_CipherUpdate) return 0 ;;
    EVP_CipherFinal_ex) return 0 ;;
    # What compilers put in: hardening, sanitizers, coverage.
    __mem*_chk | __str*_chk | __stpcpy_chk | __snprintf_chk | __vsnprintf_chk) return 0 ;;
    __stack_chk_fail | __tls_get_addr | _GLOBAL_OFFSET_TABLE_) return 0 ;;
    __asan_* | __ubsan_* | __sanitizer_* | __gcov_* | __llvm_*) return 0 ;;
    esac
    return 1
}

# The list itself must refuse what it is there to refuse.
for symbol in socket connect send read write open openat fopen fclose fprintf printf puts stderr \
    unlink getenv time clock_gettime gettimeofday localtime strftime usleep poll pthread_create \
    fork getrandom random rand arc4random randombytes_buf randombytes_uniform randombytes \
    sodium_init crypto_box_keypair crypto_secretbox_keygen crypto_core_ed25519_scalar_random \
    crypto_box_seal crypto_secretstream_xchacha20poly1305_init_push json_load_file json_dumpf \
    RAND_bytes EVP_CIPHER_CTX_rand_key EVP_PKEY_keygen sqlite3_open lws_service fuse_mount; do
    if allowed "$symbol"; then
        echo "the list of this test lets $symbol pass"
        exit 1
    fi
done

archive=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

symbols() {
    nm -P "$@" "$archive" >"$work/nm"
    awk 'NF > 1 { print $1 }' "$work/nm" | sort -u
}

symbols --extern-only --defined-only >"$work/own"
symbols --undefined-only >"$work/all"
comm -23 "$work/all" "$work/own" >"$work/needed"

# An archive without its best-known needs was not read.
for symbol in memcpy crypto_hash_sha256; do
    if ! grep -qx "$symbol" "$work/needed"; then
        echo "$archive does not need $symbol: is it the right file?"
        exit 1
    fi
done

bad=0
while read -r symbol; do
    if ! allowed "$symbol"; then
        echo "proto/ needs $symbol:"
        nm -A -u "$archive" | awk -v s="$symbol" '$NF == s { print "    " $1 }'
        bad=1
    fi
done <"$work/needed"
[ "$bad" = 0 ] && echo "$(wc -l <"$work/needed") symbols needed, all of them harmless"
exit "$bad"
