/* SPDX-License-Identifier: BSD-2-Clause */
/* The secret of a TCP controller: the path of a file comes in, the token in it goes out. */
#ifndef FINWAIT_AGENT_TOKEN_H
#define FINWAIT_AGENT_TOKEN_H

#include "agent_session.h"

/* Refuses a file that others than its owner may read. False with a sentence in `why`. */
bool agent_token_read(const char *path, char token[AGENT_TOKEN_MAX + 1], char *why, size_t why_len);

#endif
