/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a unit into an envelope, block by block. */
#include "backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup_file.h"
#include "bytes.h"
#include "clock.h"
#include "envelope.h"
#include "flash.h"
#include "manifest.h"
#include "module.h"
#include "scope.h"
#include "secret.h"
#include "text.h"

/* A multiple of every transfer size, and more than the head of a module. */
enum { BLOCK = 32 * 1024, TRIES = 3 };

struct taking {
	const struct backup_request *request;
	struct manifest manifest;
	struct envelope *envelope;
	uint8_t *first, *second; /* a block, read twice; locked memory */
	uint64_t bytes;
};

static bool there(const struct dfu *dfu, const struct piece *piece)
{
	return dfu_has_alt(dfu, piece->alt);
}

uint64_t backup_bytes(const struct dfu *dfu, const struct family *family)
{
	uint64_t bytes = 0;
	struct err none;
	struct manifest *manifest = calloc(1, sizeof *manifest);
	if (manifest && manifest_pieces(family, manifest, &none))
		for (size_t i = 0; i < manifest->piece_count; i++)
			bytes += there(dfu, &manifest->pieces[i]) ? manifest->pieces[i].size : 0;
	free(manifest);
	return bytes;
}

/* --- reading --- */

/* The address pointer is set anew for each, so that a pointer that was set wrong is seen too. */
static bool read_twice(struct taking *it, const struct piece *piece, uint32_t addr, uint32_t len,
	bool *ret_same, struct err *err)
{
	struct dfu *dfu = it->request->dfu;
	if (!flash_read(dfu, piece->alt, addr, it->first, len, NULL, err) ||
		!flash_read(dfu, piece->alt, addr, it->second, len, NULL, err))
		return false;
	*ret_same = memcmp(it->first, it->second, len) == 0;
	return *ret_same ||
	       err_set(err, REASON_USB_IO, "alt %u: 0x%08x: two reads of %u bytes differ",
		       piece->alt, addr, len);
}

static bool read_block(
	struct taking *it, const struct piece *piece, uint32_t addr, uint32_t len, struct err *err)
{
	struct dfu *dfu = it->request->dfu;
	for (int try = 1;; try++) {
		struct err lost;
		bool same = false;
		if (read_twice(it, piece, addr, len, &same, err))
			return true;
		if (try == TRIES || dfu->gone || err_kind(err) != ERR_LINK ||
			!dfu_recover(dfu, &lost))
			return false;
	}
}

/* Of the bootloader that it was made with. */
static void look_for_version(struct taking *it, const struct piece *piece, uint32_t len)
{
	const struct family_region *region = family_region(it->request->family, piece->name);
	struct module_header header;
	if (region && region->module && region->function == MODULE_BOOTLOADER &&
		!region->linked_for[0] &&
		module_header_find(&it->request->family->images, it->first, len, &header))
		it->manifest.bootloader_version = header.version;
}

static bool is_record(const struct family *family, const struct piece *piece)
{
	return family_alt(family, piece->alt)->memory == MEMORY_RECORD;
}

static bool take_bytes(
	struct taking *it, struct piece *piece, struct digest *digest, struct err *err)
{
	const struct dfuse_progress *progress = it->request->progress;
	bool zero = true;
	for (uint32_t done = 0; done < piece->size;) {
		uint32_t left = piece->size - done, len = left < BLOCK ? left : BLOCK;
		if (!read_block(it, piece, piece->addr + done, len, err))
			return false;
		if (!done)
			look_for_version(it, piece, len);
		zero = zero && bytes_all(it->first, len, 0);
		digest_add(digest, it->first, len);
		if (!envelope_add(it->envelope, it->first, len, err))
			return false;
		done += len;
		it->bytes += len;
		if (progress && progress->report)
			progress->report(progress->context, it->bytes);
	}
	piece->hidden = zero && is_record(it->request->family, piece) &&
			(it->request->family->quirks & QUIRK_ZERO_MEANS_INVALID);
	return true;
}

static bool add_member(
	struct taking *it, const char *name, const void *bytes, uint64_t size, struct err *err)
{
	static const uint8_t zeros[CONTAINER_BLOCK];
	uint8_t head[CONTAINER_BLOCK];
	return container_head(head, name, size, it->manifest.at, err) &&
	       envelope_add(it->envelope, head, sizeof head, err) &&
	       (!bytes || (envelope_add(it->envelope, bytes, (size_t)size, err) &&
				  envelope_add(it->envelope, zeros, container_padding(size), err)));
}

static bool take_piece(struct taking *it, struct piece *piece, struct err *err)
{
	static const uint8_t zeros[CONTAINER_BLOCK];
	struct digest *digest = digest_begin();
	bool good = add_member(it, piece->file, NULL, piece->size, err) &&
		    take_bytes(it, piece, digest, err) &&
		    envelope_add(it->envelope, zeros, container_padding(piece->size), err);
	struct err hashing;
	if (digest_end(digest, piece->sha256, &hashing))
		return good;
	if (good)
		*err = hashing;
	return false;
}

static bool take_manifest(struct taking *it, struct err *err)
{
	static const uint8_t end[2 * CONTAINER_BLOCK];
	SCOPED_FREE char *text = NULL;
	size_t len;
	return manifest_write(&it->manifest, &text, &len, err) &&
	       add_member(it, MANIFEST_NAME, text, len, err) &&
	       envelope_add(it->envelope, end, sizeof end, err);
}

/* An alternate setting that this unit does not have is left out. */
static void drop_absent(const struct dfu *dfu, struct manifest *manifest)
{
	size_t count = 0;
	for (size_t i = 0; i < manifest->piece_count; i++)
		if (there(dfu, &manifest->pieces[i]))
			manifest->pieces[count++] = manifest->pieces[i];
	manifest->piece_count = count;
}

static bool begin_manifest(struct taking *it, struct err *err)
{
	const struct backup_request *request = it->request;
	struct manifest *manifest = &it->manifest;
	manifest->bootloader_version = -1;
	manifest->at = clock_utc_ms();
	if (!text_copy(manifest->device_id, sizeof manifest->device_id, request->device_id) ||
		!text_copy(manifest->family, sizeof manifest->family, request->family->name) ||
		!text_copy(
			manifest->usb_serial, sizeof manifest->usb_serial, request->usb_serial) ||
		!text_copy(
			manifest->attempt_id, sizeof manifest->attempt_id, request->attempt_id) ||
		!text_copy(manifest->station, sizeof manifest->station, request->station_id) ||
		!text_copy(manifest->software_version, sizeof manifest->software_version,
			request->software_version))
		return err_set(err, REASON_BUG, "a text of the backup's manifest is too long");
	if (!manifest_pieces(request->family, manifest, err))
		return false;
	drop_absent(request->dfu, manifest);
	return true;
}

static bool fill(struct taking *it, struct err *err)
{
	if (!begin_manifest(it, err) ||
		!envelope_begin(it->request->recipients, &it->envelope, err))
		return false;
	for (size_t i = 0; i < it->manifest.piece_count; i++)
		if (!take_piece(it, &it->manifest.pieces[i], err))
			return err_at(err, "%s", it->manifest.pieces[i].name);
	return take_manifest(it, err);
}

bool backup_take(const struct backup_request *request, struct backup_done *ret, struct err *err)
{
	SCOPED_FREE struct taking *it = calloc(1, sizeof *it);
	SCOPED_FREE uint8_t *der = NULL;
	SCOPED_SECRET uint8_t *blocks = NULL;
	size_t len = 0;
	if (!request->recipients->count)
		return err_set(err, REASON_NO_RECIPIENT,
			"nobody is named who can open a backup, and it would hold private keys");
	if (!it)
		return err_set(err, REASON_STATION, "no memory for a backup");
	blocks = secret_alloc(2 * BLOCK, err);
	if (!blocks)
		return false;
	it->request = request;
	it->first = blocks;
	it->second = blocks + BLOCK;
	bool good = fill(it, err) && envelope_end(it->envelope, &der, &len, err);
	envelope_free(it->envelope);
	if (!good || !backup_keep(request, &it->manifest, der, len, ret, err))
		return false;
	ret->bytes = it->bytes;
	return true;
}
