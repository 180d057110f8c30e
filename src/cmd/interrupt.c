/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/interrupt.h"

#include <stddef.h>

volatile sig_atomic_t interrupt_stop;

static void on_signal(int number)
{
	(void)number;
	interrupt_stop = 1;
}

void interrupt_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};

	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct sigaction before;

		if (!sigaction(numbers[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}
