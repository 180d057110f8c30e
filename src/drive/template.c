/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/template.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int failed(char *why, size_t why_len, const char *sentence)
{
	snprintf(why, why_len, "%s", sentence);
	return -1;
}

static int too_long(char *why, size_t why_len)
{
	snprintf(why, why_len, "a command may have %d bytes at most; put a longer one into a script.",
		 TEMPLATE_MAX - 1);
	return -1;
}

int template_check(const char *text, char *why, size_t why_len)
{
	if (!text[strspn(text, " \t\n")])
		return failed(why, why_len, "a command is empty; leave the option out to run none.");
	if (strlen(text) >= TEMPLATE_MAX)
		return too_long(why, why_len);
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 2, '%')) {
		if (p[1] && strchr("hp%", p[1]))
			continue;
		if (isgraph((unsigned char)p[1]))
			snprintf(why, why_len,
				 "%%%c in a command is not known: %%h is the address, %%p the port, "
				 "%%%% a %%.",
				 p[1]);
		else
			snprintf(why, why_len,
				 "a command has a %% alone: write %%%% for a %%, %%h for the address, "
				 "%%p for the port.");
		return -1;
	}
	return 0;
}

int template_fill(const char *text, const struct endpoint *fill, char line[TEMPLATE_MAX], char *why,
		  size_t why_len)
{
	char host[ADDRESS_TEXT], port[8];
	size_t n = 0;

	if (template_check(text, why, why_len))
		return -1;
	address_text(&fill->addr, host);
	snprintf(port, sizeof(port), "%u", (unsigned)fill->port);
	for (const char *p = text; *p; p++) {
		char plain[2] = {*p, '\0'};
		const char *piece = plain;

		if (*p == '%') {
			p++;
			if (*p == 'h' && !address_len(&fill->addr))
				return failed(why, why_len,
					      "a command wants an address (%h), but none is known.");
			if (*p == 'p' && !fill->port)
				return failed(why, why_len,
					      "a command wants a port (%p), but none is known.");
			piece = *p == 'h' ? host : *p == 'p' ? port : "%";
		}
		if (n + strlen(piece) >= TEMPLATE_MAX)
			return too_long(why, why_len);
		n += (size_t)(stpcpy(line + n, piece) - (line + n));
	}
	line[n] = '\0';
	return 0;
}
