/* SPDX-License-Identifier: Apache-2.0 */
/* What stands on units, at the cloud and in the record, looked at without the station. */
#include "line_fixture_private.h"

#include <sqlite3.h>

#include "bytes.h"
#include "keyslot.h"

enum { SQL_TEXT_MAX = 2048 };

static void run_sql(const struct line_bench *bench, const char *text, char *to, size_t cap)
{
	char path[FS_PATH_MAX];
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	snprintf(path, sizeof path, "%s/station.db", bench->folder);
	int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	sqlite3_busy_timeout(db, 10000);
	to[0] = 0;
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW &&
		sqlite3_column_text(statement, 0))
		snprintf(to, cap, "%s", (const char *)sqlite3_column_text(statement, 0));
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		snprintf(to, cap, "error: %s in %s", sqlite3_errmsg(db), text);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

void bench_sql(const struct line_bench *bench, char *to, size_t cap, const char *format, ...)
{
	char text[SQL_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	run_sql(bench, text, to, cap);
}

int64_t bench_sql_int(const struct line_bench *bench, const char *format, ...)
{
	char text[SQL_TEXT_MAX], value[256], *end = NULL;
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	run_sql(bench, text, value, sizeof value);
	long long number = strtoll(value, &end, 10);
	if (end == value || *end)
		fail_msg("%s gives \"%s\"", text, value);
	return number;
}

static bool say(char why[BENCH_TEXT_MAX], const char *format, ...) PRINTF_LIKE(2, 3);
static bool say(char why[BENCH_TEXT_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, BENCH_TEXT_MAX, format, args);
	va_end(args);
	return false;
}

/* Where an alternate setting's memory begins. */
static uint32_t start_of(const struct line_bench *bench, uint8_t alt)
{
	return family_alt(&bench->plan->family, alt)->layout.segments[0].addr;
}

/* The memories of a unit, now. */
struct memories {
	uint8_t *bytes[BENCH_ALTS_MAX];
	size_t len[BENCH_ALTS_MAX];
};

static void free_memories(struct memories *memories)
{
	for (size_t i = 0; i < BENCH_ALTS_MAX; i++)
		free(memories->bytes[i]);
}

static const uint8_t *at(const struct line_bench *bench, const struct memories *memories,
	uint8_t alt, uint32_t addr, uint32_t len)
{
	size_t offset = addr - start_of(bench, alt);
	assert_true(alt < BENCH_ALTS_MAX && offset + len <= memories->len[alt]);
	return memories->bytes[alt] + offset;
}

static bool judge_images(const struct line_bench *bench, const struct memories *memories, char *why)
{
	for (size_t i = 0; i < bench->plan->stand_count; i++) {
		const struct plan_extent *extent = &bench->plan->stands[i];
		const uint8_t *found = at(bench, memories, extent->alt, extent->addr, extent->len);
		size_t first = bytes_first_difference(extent->expected, found, extent->len);
		if (first != extent->len)
			return say(why, "alt %u: 0x%08x is %02x and not %02x", extent->alt,
				extent->addr + (uint32_t)first, found[first],
				extent->expected[first]);
	}
	return true;
}

static bool cloud_fingerprint(const struct line_bench *bench, const char *id, char *ret, char *why)
{
	char name[64], path[FS_PATH_MAX];
	SCOPED_FREE uint8_t *pem = NULL;
	size_t len = 0;
	struct public_key key;
	struct err err;
	snprintf(name, sizeof name, "cloud/%s.pem", id);
	if (!fs_join(path, bench->folder, name, &err) ||
		!fs_read(path, KEY_PEM_MAX, REASON_INPUT, &pem, &len, &err) ||
		!public_key_from_pem((const char *)pem, len, &key, &err))
		return say(why, "the cloud: %s", err.text);
	snprintf(ret, KEY_FINGERPRINT, "%s", key.fingerprint);
	return true;
}

static bool judge_keys(
	const struct line_bench *bench, const struct memories *memories, const char *id, char *why)
{
	const struct plan_server_key *server = &bench->plan->server_key;
	const struct family_key_slot *slot = bench->plan->device_key.slot;
	char at_cloud[KEY_FINGERPRINT], recorded[KEY_FINGERPRINT];
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	struct err err;
	if (memcmp(at(bench, memories, server->slot->alt, server->slot->addr,
			   server->slot->format.size),
		    server->bytes, server->slot->format.size) != 0)
		return say(why, "the server key is not the plan's");
	if (!keyslot_parse_device(&slot->format,
		    at(bench, memories, slot->alt, slot->addr, slot->format.size),
		    slot->format.size, &keypair, &err))
		return say(why, "the device key: %s", err.text);
	if (!cloud_fingerprint(bench, id, at_cloud, why))
		return false;
	bench_sql(bench, recorded, sizeof recorded,
		"SELECT key_fingerprint FROM attempt WHERE device_id = '%s' AND outcome = 'PASS' "
		"ORDER BY passage DESC LIMIT 1",
		id);
	const char *on_unit = keypair_public(keypair)->fingerprint;
	if (strcmp(on_unit, at_cloud) != 0 || strcmp(on_unit, recorded) != 0)
		return say(why,
			"the key on the unit is %.12s, the cloud has %.12s, the record %.12s",
			on_unit, at_cloud, recorded);
	return true;
}

static void blank(uint8_t *map, size_t map_len, size_t offset, size_t len)
{
	assert_true(offset + len <= map_len);
	memset(map + offset, 1, len);
}

static void mark_written(
	const struct plan *plan, uint8_t alt, uint32_t start, uint8_t *map, size_t len)
{
	for (size_t i = 0; i < plan->extent_count; i++)
		if (plan->extents[i].alt == alt)
			blank(map, len, plan->extents[i].addr - start, plan->extents[i].len);
	for (size_t i = 0; i < plan->sector_count; i++) /* also where a bootloader waited */
		if (plan->sectors[i].alt == alt)
			blank(map, len, plan->sectors[i].addr - start, plan->sectors[i].size);
}

/* Marks the bytes of an alternate setting that the plan or the unit itself may change. What lies
 * behind the access range is another memory: the Photon's alt 1 runs on into what stands behind the
 * current copy. */
static void mark_allowed(const struct line_bench *bench, uint8_t alt, uint8_t *map, size_t len)
{
	const struct plan *plan = bench->plan;
	uint32_t start = start_of(bench, alt), end = plan->family.alts[alt].access_end;
	if (end)
		blank(map, len, end - start, len - (end - start));
	for (size_t i = 0; i < plan->before_count; i++)
		mark_written(plan->before[i], alt, start, map, len);
	mark_written(plan, alt, start, map, len);
	const struct family_key_slot *slots[2] = { plan->server_key.slot, plan->device_key.slot };
	for (size_t i = 0; i < 2; i++)
		if (slots[i]->alt == alt)
			blank(map, len, slots[i]->addr - start, slots[i]->format.size);
	for (size_t i = 0; i < plan->family.volatile_count; i++)
		if (plan->family.volatiles[i].alt == alt)
			blank(map, len, plan->family.volatiles[i].addr - start,
				plan->family.volatiles[i].size);
}

static bool judge_beside(const struct line_bench *bench, unsigned unit, uint8_t alt,
	const struct memories *memories, char *why)
{
	char path[FS_PATH_MAX];
	struct err err;
	size_t len = 0;
	SCOPED_FREE uint8_t *before = NULL;
	SCOPED_FREE uint8_t *allowed = calloc(1, memories->len[alt]);
	snprintf(path, sizeof path, "%s/units/%u/alt%u.before", bench->folder, unit, alt);
	if (!fs_read(path, memories->len[alt], REASON_INPUT, &before, &len, &err))
		fail_msg("%s", err.text);
	assert_non_null(allowed);
	assert_int_equal(len, memories->len[alt]);
	mark_allowed(bench, alt, allowed, len);
	for (size_t i = 0; i < len; i++)
		if (before[i] != memories->bytes[alt][i] && !allowed[i])
			return say(why, "alt %u: byte 0x%zx beside the plan was %02x and is %02x",
				alt, i, before[i], memories->bytes[alt][i]);
	return true;
}

bool bench_judge_beside(const struct line_bench *bench, unsigned unit, char why[BENCH_TEXT_MAX])
{
	SCOPE_CLEANUP(free_memories) struct memories memories = { 0 };
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++)
		memories.bytes[alt] = bench_memory(bench, unit, alt, &memories.len[alt]);
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++)
		if (!judge_beside(bench, unit, alt, &memories, why))
			return false;
	return true;
}

bool bench_judge_made(const struct line_bench *bench, unsigned unit, char why[BENCH_TEXT_MAX])
{
	SCOPE_CLEANUP(free_memories) struct memories memories = { 0 };
	char id[LINE_DEVICE_ID];
	bench_unit_id(unit, id);
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++)
		memories.bytes[alt] = bench_memory(bench, unit, alt, &memories.len[alt]);
	return judge_images(bench, &memories, why) && judge_keys(bench, &memories, id, why);
}

bool bench_judge_record(const struct line_bench *bench, char why[BENCH_TEXT_MAX])
{
	static const char *const wrongs[][2] = {
		{ "an attempt is open", "SELECT id FROM attempt WHERE outcome IS NULL" },
		{ "an outcome without its reason",
			"SELECT id FROM attempt WHERE outcome <> 'PASS' AND coalesce(reason, '') = ''" },
		{ "a PASS with a reason",
			"SELECT id FROM attempt WHERE outcome = 'PASS' AND reason <> ''" },
		{ "a PASS whose key is not acknowledged",
			"SELECT a.id FROM attempt a WHERE a.outcome = 'PASS' AND NOT EXISTS (SELECT 1 "
			"FROM outbox o JOIN device_key k ON k.fingerprint = o.fingerprint WHERE "
			"o.attempt_id = a.id AND o.fingerprint = a.key_fingerprint AND o.state = "
			"'acknowledged' AND k.device_id = a.device_id)" },
		{ "a PASS with a step that did not pass",
			"SELECT a.id FROM attempt a JOIN step s ON s.attempt_id = a.id WHERE a.outcome = "
			"'PASS' AND s.outcome <> 'PASS' AND NOT EXISTS (SELECT 1 FROM step l WHERE "
			"l.attempt_id = a.id AND l.name = s.name AND l.seq > s.seq)" },
		{ "two newest keys of a unit",
			"SELECT device_id FROM device_key WHERE state IN ('on-device', 'enrolled') "
			"GROUP BY device_id HAVING count(*) > 1" },
		{ "a final attempt without its seal",
			"SELECT id FROM attempt WHERE final_at IS NOT NULL AND id NOT IN (SELECT "
			"attempt_id FROM seal)" },
		{ "a reason of the station's own fault",
			"SELECT id || ' ' || coalesce(detail, '') FROM "
			"attempt WHERE reason = 'bug'" },
	};
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		char found[BENCH_TEXT_MAX / 2];
		bench_sql(bench, found, sizeof found, "%s LIMIT 1", wrongs[i][1]);
		if (found[0])
			return say(why, "%s: %s", wrongs[i][0], found);
	}
	return true;
}

void bench_expect_made(struct line_bench *bench, unsigned slot)
{
	char why[BENCH_TEXT_MAX];
	unsigned unit = bench->plugged[slot];
	bench_unplug(bench, slot);
	if (!bench_judge_made(bench, unit, why) || !bench_judge_beside(bench, unit, why) ||
		!bench_judge_record(bench, why))
		fail_msg("unit %u: %s", unit, why);
}
