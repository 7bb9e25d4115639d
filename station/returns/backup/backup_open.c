/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_open.h"

#include <stdlib.h>
#include <string.h>

#include "backup_file.h"
#include "fs.h"
#include "scope.h"
#include "secret.h"

static bool find_manifest(
	const uint8_t *plain, size_t len, struct container_member *ret, struct err *err)
{
	struct container_member member;
	bool found = true;
	size_t at = 0, manifests = 0;
	for (;;) {
		if (!container_next(plain, len, &at, &member, &found, err))
			return false;
		if (!found)
			break;
		if (strcmp(member.name, MANIFEST_NAME) == 0) {
			manifests++;
			*ret = member;
		}
	}
	return manifests == 1 || err_set(err, REASON_INPUT,
					 "there are %zu manifests in it instead of one", manifests);
}

static bool take_piece(const struct manifest *manifest, const struct container_member *member,
	const uint8_t *bytes[MANIFEST_PIECES_MAX], struct err *err)
{
	char sha256[SHA256_HEX];
	for (size_t i = 0; i < manifest->piece_count; i++) {
		const struct piece *piece = &manifest->pieces[i];
		if (strcmp(piece->file, member->name) != 0)
			continue;
		if (bytes[i] || member->size != piece->size)
			return err_set(
				err, REASON_INPUT, "%s is not as its manifest says", piece->file);
		if (!digest_sha256_hex(member->bytes, member->size, sha256, err))
			return false;
		if (strcmp(sha256, piece->sha256) != 0)
			return err_set(err, REASON_INPUT,
				"%s does not have the hash of its manifest", piece->file);
		bytes[i] = member->bytes;
		return true;
	}
	return strcmp(member->name, MANIFEST_NAME) == 0 ||
	       err_set(err, REASON_INPUT, "%s in it is not in its manifest", member->name);
}

bool backup_parse(const uint8_t *plain, size_t len, struct manifest *ret,
	const uint8_t *ret_bytes[MANIFEST_PIECES_MAX], struct err *err)
{
	struct container_member member;
	bool found = true;
	size_t at = 0;
	for (size_t i = 0; i < MANIFEST_PIECES_MAX; i++)
		ret_bytes[i] = NULL;
	if (!find_manifest(plain, len, &member, err) ||
		!manifest_parse((const char *)member.bytes, member.size, ret, err))
		return false;
	while (container_next(plain, len, &at, &member, &found, err) && found)
		if (!take_piece(ret, &member, ret_bytes, err))
			return false;
	for (size_t i = 0; i < ret->piece_count; i++)
		if (!ret_bytes[i])
			return err_set(
				err, REASON_INPUT, "%s is missing in it", ret->pieces[i].file);
	return true;
}

bool backup_open(const char *path, const struct envelope_key *key, struct backup_opened *ret,
	struct err *err)
{
	SCOPED_FREE uint8_t *der = NULL;
	size_t len;
	struct backup_opened *opened = calloc(1, sizeof *opened);
	if (!opened)
		return err_set(err, REASON_STATION, "no memory for a backup");
	bool good = fs_read(path, BACKUP_FILE_MAX, REASON_INPUT, &der, &len, err) &&
		    digest_sha256_hex(der, len, opened->file_sha256, err) &&
		    ((envelope_open(der, len, key, &opened->plain, &opened->plain_len, err) &&
			     backup_parse(opened->plain, opened->plain_len, &opened->manifest,
				     opened->bytes, err)) ||
			    err_at(err, "%s", path));
	if (good)
		*ret = *opened;
	else
		backup_opened_done(opened);
	free(opened);
	return good;
}

void backup_opened_done(struct backup_opened *opened)
{
	secret_free(opened->plain);
	opened->plain = NULL;
}

const uint8_t *backup_bytes_at(
	const struct backup_opened *opened, uint8_t alt, uint32_t addr, uint32_t len)
{
	for (size_t i = 0; i < opened->manifest.piece_count; i++) {
		const struct piece *piece = &opened->manifest.pieces[i];
		if (piece->alt == alt && !piece->hidden && addr >= piece->addr &&
			len <= piece->size && addr - piece->addr <= piece->size - len)
			return opened->bytes[i] + (addr - piece->addr);
	}
	return NULL;
}
