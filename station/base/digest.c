/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "bytes.h"

bool digest_sha256(const void *bytes, size_t len, uint8_t ret[SHA256_LEN], struct err *err)
{
	unsigned got = 0;
	if (EVP_Digest(bytes, len, ret, &got, EVP_sha256(), NULL) != 1 || got != SHA256_LEN)
		return err_set(err, REASON_STATION, "OpenSSL cannot compute a SHA-256");
	return true;
}

bool digest_sha256_hex(const void *bytes, size_t len, char ret[SHA256_HEX], struct err *err)
{
	uint8_t sum[SHA256_LEN];
	if (!digest_sha256(bytes, len, sum, err))
		return false;
	bytes_to_hex(sum, sizeof sum, ret);
	return true;
}

struct digest {
	EVP_MD_CTX *context;
	bool failed;
};

struct digest *digest_begin(void)
{
	struct digest *digest = calloc(1, sizeof *digest);
	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	digest->failed =
		!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1;
	return digest;
}

void digest_add(struct digest *digest, const void *bytes, size_t len)
{
	if (!digest || digest->failed || !len)
		return;
	digest->failed = EVP_DigestUpdate(digest->context, bytes, len) != 1;
}

void digest_add_u64(struct digest *digest, uint64_t value)
{
	uint8_t bytes[8];
	bytes_put_be32(bytes, (uint32_t)(value >> 32));
	bytes_put_be32(bytes + 4, (uint32_t)value);
	digest_add(digest, bytes, sizeof bytes);
}

void digest_add_blob(struct digest *digest, const void *bytes, size_t len)
{
	digest_add_u64(digest, len);
	digest_add(digest, bytes, len);
}

void digest_add_text(struct digest *digest, const char *text)
{
	if (text)
		digest_add_blob(digest, text, strlen(text));
	else
		digest_add_u64(digest, UINT64_MAX);
}

bool digest_end(struct digest *digest, char ret[SHA256_HEX], struct err *err)
{
	uint8_t sum[SHA256_LEN];
	unsigned got = 0;
	bool good = digest && !digest->failed &&
		    EVP_DigestFinal_ex(digest->context, sum, &got) == 1 && got == SHA256_LEN;
	if (digest)
		EVP_MD_CTX_free(digest->context);
	free(digest);
	if (!good)
		return err_set(err, REASON_STATION, "OpenSSL cannot compute a SHA-256");
	bytes_to_hex(sum, sizeof sum, ret);
	return true;
}

uint32_t digest_crc32(const void *bytes, size_t len)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, len);
}
