/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/segment.h"

#include <string.h>

const char *flags_text(uint16_t flags, char text[FLAGS_TEXT])
{
	static const struct {
		uint16_t flag;
		char letter;
	} letters[] = {
		{ FLAG_SYN, 'S' }, { FLAG_FIN, 'F' }, { FLAG_RST, 'R' }, { FLAG_PSH, 'P' },
		{ FLAG_URG, 'U' }, { FLAG_ECE, 'E' }, { FLAG_CWR, 'W' }, { FLAG_AE, 'A' },
		{ 0x200, 'r' },	   { 0x400, 'r' },    { 0x800, 'r' },	 { FLAG_ACK, '.' },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (flags & letters[i].flag)
			text[n++] = letters[i].letter;
	if (!n)
		text[n++] = '-';
	text[n] = '\0';
	return text;
}
