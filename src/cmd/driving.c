/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/driving.h"

#include <stdio.h>

bool driving_wanted(const struct driving_settings *settings)
{
	return settings->service;
}

int driving_choose(struct driving *d, const struct driving_settings *settings, char *why, size_t why_len)
{
	*d = (struct driving){ .settings = settings };
	if (!settings->service) {
		snprintf(why, why_len, "nobody can make the target act: give a --service that it runs");
		return EXIT_USAGE;
	}
	if (service_read(&d->service, settings->service, why, why_len))
		return EXIT_USAGE;
	snprintf(d->name, sizeof d->name, "service %s", settings->service);
	return 0;
}

unsigned driving_may(const struct driving *d)
{
	return d->service.can;
}

uint16_t driving_port(const struct driving *d)
{
	return d->service.port;
}

void driving_allow(struct driving *d, const struct address *prober)
{
	(void)d;
	(void)prober;
}

int driving_start(struct driving *d, volatile sig_atomic_t *stop, char *why, size_t why_len)
{
	(void)stop;
	d->driver = service_driver_new(&d->service);
	if (d->driver)
		return 0;
	snprintf(why, why_len, "out of memory");
	return -1;
}

struct driver *driving_driver(const struct driving *d)
{
	return d->driver;
}

const char *driving_name(const struct driving *d)
{
	return d->name;
}

void driving_stop(struct driving *d)
{
	if (d->driver)
		d->driver->ops->close(d->driver);
	d->driver = NULL;
}
