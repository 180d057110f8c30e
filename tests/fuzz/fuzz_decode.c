/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as a captured frame: one byte for the link type, one for how much the capture has cut
 * off, then the frame. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decode_packet at;
	struct segment s;
	enum decode_status status;
	char flags[FLAGS_TEXT];

	if (size < 2)
		return 0;
	/* Whatever the caller left there. */
	memset(&s, 0xa5, sizeof(s));
	status = decode_frame((enum decode_link)(data[0] % (DECODE_SLL2 + 1)), data + 2, size - 2,
			      size - 2 + data[1], &s, &at);
	if (at.offset + at.captured > size - 2 || at.captured > at.len)
		abort();
	if (s.t_us || s.frame || (s.src.addr.family != 4 && s.ip_id))
		abort();
	if (status == DECODE_TCP && (s.icmp.code || s.icmp.sender.family || s.options.malformed < -1))
		abort();
	if (status == DECODE_TCP &&
	    (s.data < data + 2 || s.data + s.data_len > data + size || s.data_len > s.len ||
	     s.options.raw_len > OPTIONS_MAX || s.icmp.type || !*flags_text(s.flags, flags)))
		abort();
	if (status == DECODE_ICMP_ERROR && (!s.icmp.type || s.len || s.data))
		abort();
	if (status != DECODE_TCP && status != DECODE_ICMP_ERROR && (s.src.port || s.flags || s.data))
		abort();
	return 0;
}
