/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* In front of what the caller sees; keeps it 64-byte aligned. */
struct secret_head {
	size_t mapped;
	char pad[64 - sizeof(size_t)];
};

void *secret_alloc(size_t len, struct err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = (sizeof(struct secret_head) + len + page - 1) / page * page;
	struct secret_head *head =
		mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (head == MAP_FAILED) {
		err_sys(err, REASON_STATION, errno, "no memory for a key");
		return NULL;
	}
	if (mlock(head, mapped) != 0 || madvise(head, mapped, MADV_DONTDUMP) != 0 ||
		madvise(head, mapped, MADV_WIPEONFORK) != 0) {
		err_sys(err, REASON_STATION, errno,
			"cannot lock %zu bytes of memory for a key (raise the limit: ulimit -l)",
			mapped);
		munmap(head, mapped);
		return NULL;
	}
	head->mapped = mapped;
	return head + 1;
}

void secret_free(void *secret)
{
	if (!secret)
		return;
	struct secret_head *head = (struct secret_head *)secret - 1;
	size_t mapped = head->mapped;
	secret_wipe(head, mapped);
	munmap(head, mapped);
}

void secret_wipe(void *memory, size_t len)
{
	explicit_bzero(memory, len);
}

void secret_harden_process(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
