// SPDX-License-Identifier: MIT
/* test_list.c - the intrusive list keeps order, and removing twice is harmless. */
#include "base/list.h"

#include "lib/test_main.h"

struct item {
	int value;
	struct list link;
};

static int value_of(struct list *l)
{
	return container_of(l, struct item, link)->value;
}

START_TEST(keeps_order)
{
	struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	struct list head;
	int n = 0;

	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_pop(&head));
	for (int i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].link);
	list_for_each (it, &head)
		ck_assert_int_eq(value_of(it), n++);
	ck_assert_int_eq(n, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(value_of(list_pop(&head)), i);
	ck_assert(list_empty(&head));
}
END_TEST

START_TEST(removal)
{
	struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	struct list head;
	int left = 0;

	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].link);
	list_for_each_safe (it, next, &head) {
		if (value_of(it) != 1)
			list_del(it);
	}
	list_for_each (it, &head) {
		ck_assert_int_eq(value_of(it), 1);
		left++;
	}
	ck_assert_int_eq(left, 1);
	list_del(&items[0].link);
	list_del(&items[1].link);
	ck_assert(list_empty(&items[1].link));
	list_add_tail(&head, &items[2].link);
	list_del(&items[1].link);
	ck_assert_int_eq(value_of(list_pop(&head)), 2);
	ck_assert(list_empty(&head));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("list");
	TCase *t = tcase_create("list");

	tcase_add_test(t, keeps_order);
	tcase_add_test(t, removal);
	suite_add_tcase(s, t);
	return test_main(s);
}
