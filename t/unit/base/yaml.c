
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_complaint.c */
/* libs: -l:libyaml.a */

#include "../../../src/base/ngx_rd_yaml.c"
#include "tap.h"


static ngx_rd_complaints_t  complaints;


static ngx_rd_yaml_t *
parse_counted(const char *text, size_t len)
{
    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));

    return ngx_rd_yaml_parse("f", (const u_char *) text, len, &complaints);
}


static ngx_rd_yaml_t *
parse(const char *text)
{
    return parse_counted(text, strlen(text));
}


static void
refuses(const char *text, const char *complaint)
{
    ngx_rd_yaml_t  *root;

    root = parse(text);
    is_str(complaints.text[0], complaint, complaint);
    ngx_rd_yaml_free(root);
}


static void
test_tree(void)
{
    ngx_rd_yaml_t  *root, *node;

    root = parse("# hello\n"
                 "a: 1\n"
                 "b:\n"
                 "  - x\n"
                 "  - 'q: \"'\n"
                 "c: {d: ~, e: null, f: , g: 'null'}\n"
                 "h: []\n");

    ok(root != NULL && complaints.n == 0, "a tree without complaint");
    is_int(root->type, NGX_RD_YAML_MAP, "is a map");
    is_int(root->n, 4, "of four");

    node = root->first;
    is_str(node->key, "a", "a key");
    is_str(node->text, "1", "with its text");
    ok(node->plain && node->type == NGX_RD_YAML_TEXT, "without quotes");
    is_int(node->line, 2, "in its line");

    node = node->next;
    is_int(node->type, NGX_RD_YAML_LIST, "a list");
    is_int(node->line, 3, "stands where its key stands");
    is_int(node->n, 2, "has two members");
    is_str(node->first->text, "x", "the first");
    is_str(node->last->text, "q: \"", "the last");
    ok(!node->last->plain, "which is in quotes");
    is_int(node->last->line, 5, "and knows its line");

    node = node->next->first;
    is_int(node->type, NGX_RD_YAML_NOTHING, "~ is nothing");
    is_int(node->next->type, NGX_RD_YAML_NOTHING, "null is nothing");
    is_int(node->next->next->type, NGX_RD_YAML_NOTHING, "so is no value");
    is_int(node->next->next->next->type, NGX_RD_YAML_TEXT,
           "but 'null' is a text");

    is_int(root->last->n, 0, "an empty list is a list");

    ngx_rd_yaml_free(root);
}


static void
test_refused(void)
{
    refuses("", "f:1: there is nothing in this file");
    refuses("# only this\n", "f:2: there is nothing in this file");
    refuses("a: 1\n---\nb: 2\n",
            "f:2: a second document (\"---\") is not read");
    refuses("a: 1\nb: 2\na: 3\n", "f:3: a: is written twice, first in line 1");
    refuses("a: &x 1\n", "f:1: an anchor (\"&name\") is not read");
    refuses("a: !!int 1\n", "f:1: a tag (\"!name\") is not read");
    refuses("a: ! 1\n", "f:1: a tag (\"!name\") is not read");
    refuses("a: !x [1]\n", "f:1: a tag (\"!name\") is not read");
    refuses("a: &y {b: 1}\n", "f:1: an anchor (\"&name\") is not read");
    refuses("? [a]\n: b\n", "f:1: a key must be a word");
    refuses("? {a: b}\n: c\n", "f:1: a key must be a word");
    refuses("a: \"x\\0y\"\n", "f:1: a zero byte in a value");
    refuses("\"x\\0y\": 1\n", "f:1: a key must be a word");
    refuses("a: [[[[[[[[[[1]]]]]]]]]]\n",
            "f:1: more than 8 levels or 32768 values");

    refuses("a: *x\n",
            "f:1: an alias (\"*name\") is not read: write the value out");
}


static void
test_syntax(void)
{
    ngx_uint_t      i;
    ngx_rd_yaml_t  *root;

    static const char  *texts[] = {
        "a: [1", "a: {b: 1", "a: 'x", "a: \"x", "a: b: c", "\ta: 1",
        "a: 1\n b: 2", "- a\nb: 1", "a: @x", "a: `x", "%FOO\n---\nb",
        "a: |\n x\ny", "a: \"\\q\"", "[", "{", "&", "*", "a: \xff",
        "a: \xc3", "a: \x01",
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        root = parse(texts[i]);
        ok(root == NULL && complaints.n == 1
           && strncmp(complaints.text[0], "f:", 2) == 0,
           "bad syntax %u is one complaint and no tree", (unsigned) i);
        ngx_rd_yaml_free(root);
    }

    refuses("a: 1\nb: \xff\n", "f:2: invalid leading UTF-8 octet");
    refuses("a: 1\nb: [1\n", "f:3: did not find expected ',' or ']' "
                             "while parsing a flow sequence");
}


static void
test_alias_goes_on(void)
{
    ngx_rd_yaml_t  *root;

    root = parse("a: *x\nb: &y 2\nc: 3\n");

    is_int(complaints.n, 2, "all complaints in one pass");
    is_int(root->first->type, NGX_RD_YAML_BAD, "an alias has no value");
    is_str(root->last->text, "3", "and what follows is still read");

    ngx_rd_yaml_free(root);
}


static void
test_bounds(void)
{
    char           *text;
    size_t          i, n;
    ngx_rd_yaml_t  *root;

    text = malloc(NGX_RD_YAML_BYTES_MAX + 16);

    memset(text, '#', NGX_RD_YAML_BYTES_MAX + 1);
    root = parse_counted(text, NGX_RD_YAML_BYTES_MAX + 1);
    is_str(complaints.text[0], "f: is longer than 262144 bytes",
           "a file that is too long");
    ngx_rd_yaml_free(root);

    for (n = 0, i = 0; i <= NGX_RD_YAML_NODES_MAX; i++) {
        n += sprintf(text + n, "- a\n");
    }

    root = parse_counted(text, n);
    ok(root == NULL && complaints.n == 1, "too many values");

    for (n = 0, i = 0; i <= NGX_RD_YAML_KEYS_MAX; i++) {
        n += sprintf(text + n, "k%u: 1\n", (unsigned) i);
    }

    root = parse_counted(text, n);
    ok(root == NULL, "too many keys");
    is_str(complaints.text[0], "f:257: more than 256 keys", "are named so");

    memset(text, '[', 100000);
    root = parse_counted(text, 100000);
    ok(root == NULL && complaints.n == 1, "a hundred thousand brackets");

    free(text);
}


static void
test_no_memory(void)
{
    long            n, bad;
    ngx_rd_yaml_t  *root;

    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);

        root = parse("a: 1\nb:\n  - {x: 'y'}\n  - z\n");

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (root != NULL
                || strcmp(complaints.text[0], "f: out of memory") != 0);
        ngx_rd_yaml_free(root);
    }

    ok(root != NULL && n > 20, "read at last, after %ld failures", n - 1);
    is_int(bad, 0, "each of which said that memory is short");

    ngx_rd_yaml_free(root);
}


int
main(void)
{
    test_tree();
    test_refused();
    test_syntax();
    test_alias_goes_on();
    test_bounds();
    test_no_memory();

    return tap_done();
}
