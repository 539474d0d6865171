/*
 * Controlled rounding of a table of classes x parts: each class's quotas are rounded by the largest remainder, which
 * makes the rows add up; then single examples change their part until the columns do. There are three parts only, so
 * that a change of part takes one class, or two by way of the third part.
 */
#include "shares.h"

#include "host/status.h"

#include <stdlib.h>

enum { PARTS = 3 };

typedef struct rounding {
    caviar_share *shares;
    const int64_t *size, *part;
    int64_t classes, all;
    int keeps;     /* whether each class that has examples keeps one for training */
    int64_t slack; /* how far a share may lie outside its quota's neighbours */
} rounding;

static int64_t whole_quota(const rounding *r, int64_t c, int p) {
    return r->size[c] * r->part[p] / r->all;
}

static int64_t least(const rounding *r, int64_t c, int p) {
    const int64_t bound = whole_quota(r, c, p) - r->slack, keep = r->keeps && p == CAVIAR_TRAIN && r->size[c] > 0;
    return bound > keep ? bound : keep;
}

static int64_t most(const rounding *r, int64_t c, int p) {
    return whole_quota(r, c, p) + (r->size[c] * r->part[p] % r->all != 0) + r->slack;
}

/* What a share lacks of its quota, times `all`; negative where it has too much. */
static int64_t lack(const rounding *r, int64_t c, int p) {
    return r->size[c] * r->part[p] - r->shares[c].count[p] * r->all;
}

static void round_class(const rounding *r, int64_t c) {
    int64_t left = r->size[c];
    for (int p = 0; p < PARTS; p++) left -= r->shares[c].count[p] = least(r, c, p);
    for (; left > 0; left--) {
        int best = -1;
        for (int p = 0; p < PARTS; p++) {
            if (r->shares[c].count[p] >= most(r, c, p)) continue;
            if (best < 0 || lack(r, c, p) > lack(r, c, best)) best = p;
        }
        r->shares[c].count[best]++;
    }
}

/* A class that can give one example from one part to another, and what that takes from both towards their quotas. */
typedef struct move {
    int64_t class_index, gain;
} move;

static int compare_moves(const void *left, const void *right) {
    const move *a = left, *b = right;
    if (a->gain != b->gain) return a->gain > b->gain ? -1 : 1;
    return (a->class_index > b->class_index) - (a->class_index < b->class_index);
}

/* The best moves first; returns how many there are. */
static int64_t list_moves(move *moves, const rounding *r, int from, int to) {
    int64_t count = 0;
    for (int64_t c = 0; c < r->classes; c++) {
        const int64_t *share = r->shares[c].count;
        if (share[from] > least(r, c, from) && share[to] < most(r, c, to))
            moves[count++] = (move){ c, lack(r, c, to) - lack(r, c, from) };
    }
    qsort(moves, (size_t)count, sizeof *moves, compare_moves);
    return count;
}

static void make_moves(const rounding *r, const move *moves, int64_t count, int from, int to) {
    for (int64_t i = 0; i < count; i++) {
        r->shares[moves[i].class_index].count[from]--;
        r->shares[moves[i].class_index].count[to]++;
    }
}

static int64_t smallest(int64_t a, int64_t b, int64_t c) {
    const int64_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Moves up to `wanted` examples, straight or by way of the third part; returns how many it moved. */
static int64_t move_examples(const rounding *r, move *moves, int from, int to, int64_t wanted) {
    const int64_t straight = smallest(list_moves(moves, r, from, to), wanted, wanted);
    if (straight > 0) {
        make_moves(r, moves, straight, from, to);
        return straight;
    }
    /* No class can do both, or it could have moved straight: the two lists have no class in common. */
    const int third = PARTS - from - to;
    move *onward = moves + r->classes;
    const int64_t count = smallest(list_moves(moves, r, from, third), list_moves(onward, r, third, to), wanted);
    make_moves(r, moves, count, from, third);
    make_moves(r, onward, count, third, to);
    return count;
}

/* How many examples a part has too many. */
static int64_t excess(const rounding *r, int p) {
    int64_t count = -r->part[p];
    for (int64_t c = 0; c < r->classes; c++) count += r->shares[c].count[p];
    return count;
}

/* 1: all parts have what they should; 0: they cannot within the bounds. */
static int balance(const rounding *r, move *moves) {
    for (;;) {
        int64_t over[PARTS], moved = 0;
        int done = 1;
        for (int p = 0; p < PARTS; p++) over[p] = excess(r, p), done = done && over[p] == 0;
        if (done) return 1;
        for (int from = 0; from < PARTS && moved == 0; from++)
            for (int to = 0; to < PARTS && moved == 0; to++)
                if (over[from] > 0 && over[to] < 0)
                    moved = move_examples(r, moves, from, to, smallest(over[from], -over[to], over[from]));
        if (moved == 0) return 0;
    }
}

caviar_status caviar_shares(caviar_share *shares, const int64_t *size, int64_t classes, const int64_t part[3]) {
    rounding r = { .shares = shares, .size = size, .part = part, .classes = classes };
    int64_t there = 0;
    for (int64_t c = 0; c < classes; c++) r.all += size[c], there += size[c] > 0;
    r.keeps = there <= part[CAVIAR_TRAIN];
    const size_t bytes = (size_t)classes * 2 * sizeof(move);
    move *moves = malloc(bytes);
    if (!moves) return caviar_fail_memory("the parts of a dataset", bytes);
    for (int64_t c = 0; c < classes; c++) round_class(&r, c);
    while (!balance(&r, moves)) r.slack++;
    free(moves);
    return CAVIAR_OK;
}
