/* SPDX-License-Identifier: Apache-2.0 */
/* For the flow tests: the virtual cloud alone, as a station of a real line meets it.
 *   vcloud_server FOLDER json|particle [client]
 * prints where it is and what a client needs, as lines of shell; then takes words on standard input: a behaviour and a
 * delay in ms, or "requests", and answers each with a line. It ends with its input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcloud.h"

static bool behave(struct vcloud *vcloud, const char *name, uint32_t delay_ms)
{
	static const char *const names[] = { [VCLOUD_GOOD] = "good",
		[VCLOUD_DOWN] = "down",
		[VCLOUD_BUSY] = "busy",
		[VCLOUD_REFUSE] = "refuse",
		[VCLOUD_RUBBISH] = "rubbish",
		[VCLOUD_LOSE] = "lose",
		[VCLOUD_SWAP] = "swap",
		[VCLOUD_SLOW] = "slow",
		[VCLOUD_ERROR_IN_200] = "error-in-200",
		[VCLOUD_CUT] = "cut",
		[VCLOUD_REFUSE_NEW] = "refuse-new",
		[VCLOUD_TAKE_REFUSE] = "take-refuse" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0) {
			vcloud_behave(vcloud, (enum vcloud_behaviour)i, delay_ms);
			return true;
		}
	return false;
}

static void serve(struct vcloud *vcloud)
{
	char word[32];
	unsigned delay_ms;
	printf("url=%s\nca=%s\ntoken=%s\ncert=%s\nkey=%s\nready\n", vcloud_url(vcloud),
		vcloud_ca_file(vcloud), vcloud_token_file(vcloud), vcloud_client_cert_file(vcloud),
		vcloud_client_key_file(vcloud));
	fflush(stdout);
	while (scanf("%31s %u", word, &delay_ms) == 2) {
		if (strcmp(word, "requests") == 0)
			printf("%u\n", vcloud_requests(vcloud));
		else
			printf("%s\n", behave(vcloud, word, delay_ms) ? "ok" : "unknown");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct vcloud *vcloud;
	struct err err;
	char keys[FS_PATH_MAX], access[FS_PATH_MAX];
	if (argc < 3 || !fs_join(keys, argv[1], "cloud", &err) ||
		!fs_join(access, argv[1], "cloud-access", &err))
		return 2;
	const struct vcloud_options options = { .folder = keys,
		.secret_folder = access,
		.api = strcmp(argv[2], "particle") == 0 ? VCLOUD_PARTICLE : VCLOUD_JSON,
		.wants_client_certificate = argc > 3 };
	if (!vcloud_start(&options, &vcloud, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	serve(vcloud);
	vcloud_stop(vcloud);
	return 0;
}
