/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/requirements.h"

#include <ctype.h>
#include <string.h>

#include "core/requirements_rows.h"

static bool alike(const char *a, const char *b)
{
	while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

const struct requirement *requirement_at(size_t i)
{
	static const struct requirement_rows *const files[] = {
		&requirements_header,     &requirements_transfer,   &requirements_interfaces,
		&requirements_unlabelled, &requirements_companions,
	};

	for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
		if (i < files[f]->count)
			return &files[f]->rows[i];
		i -= files[f]->count;
	}
	return NULL;
}

const struct requirement *requirement_by_id(const char *id)
{
	const struct requirement *r;

	for (size_t i = 0; (r = requirement_at(i)); i++)
		if (alike(r->id, id))
			return r;
	return NULL;
}

bool requirement_labelled(const struct requirement *r)
{
	return strncmp(r->id, "U-", 2) && strncmp(r->id, "RFC", 3);
}

bool requirement_in(const char *list, const char *id)
{
	size_t len = strlen(id);

	while (list && *list) {
		list += strspn(list, "; ");
		if (strcspn(list, "; ") == len && !strncmp(list, id, len))
			return len > 0;
		list += strcspn(list, "; ");
	}
	return false;
}

bool requirement_decided_by(const char *list, const char *id)
{
	if (requirement_in(list, id))
		return true;
	for (const struct requirement_pair *p = requirements_same; p->id; p++)
		if ((!strcmp(p->id, id) && requirement_in(list, p->companion)) ||
		    (!strcmp(p->companion, id) && requirement_in(list, p->id)))
			return true;
	return false;
}

/* All rules in one row: those for every segment, then table by table. */
static const struct rule *rule_at(size_t i)
{
	if (i < RULES)
		return &rules[i];
	i -= RULES;
	for (const struct rule_table *t = rule_tables; t->rows; t++) {
		if (i < t->count)
			return &t->rows[i];
		i -= t->count;
	}
	return NULL;
}

const struct rule *requirement_next_rule(const char *id, size_t *position)
{
	const struct rule *r;

	while ((r = rule_at(*position))) {
		++*position;
		if (!r->impossible && requirement_decided_by(r->requirement, id))
			return r;
	}
	return NULL;
}

const char *observability_name(enum observability o)
{
	static const char *const names[] = {
		[ON_WIRE] = "on the wire",
		[WITH_APPLICATION] = "with the target's application",
		[NOT_OBSERVABLE] = "not observable",
	};

	return names[o];
}
