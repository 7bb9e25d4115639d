/* SPDX-License-Identifier: Apache-2.0 */
/* Clean-up at the end of a scope, so that every return path does it. SCOPED(type, name, closer)
 * declares a pointer that the closer gets; closers take NULL. */
#pragma once

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCOPE_CLEANUP(function) __attribute__((cleanup(function)))

static inline void scope_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void scope_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void scope_close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline pthread_mutex_t *scope_lock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	return mutex;
}

static inline void scope_unlock(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* Freed with free() at the end of the scope. */
#define SCOPED_FREE SCOPE_CLEANUP(scope_free)
#define SCOPED_FD SCOPE_CLEANUP(scope_close_fd)
#define SCOPED_FILE SCOPE_CLEANUP(scope_close_file)
/* Holds the mutex until the end of the scope. At most one in a scope. */
#define SCOPED_LOCK(mutex) \
	SCOPE_CLEANUP(scope_unlock) pthread_mutex_t *scoped_lock __attribute__((unused)) = scope_lock(mutex)
