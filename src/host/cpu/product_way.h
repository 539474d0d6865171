/*
 * The product by vector registers of one width. product.c includes this once for each, with
 *     WAY(name)  a name of this width's
 *     TARGET     the attribute for the instructions
 *     LANES      floats of a register
 *     WIDE       registers of a row of a panel; of the 16 or 32 that there are, (TALL + 1) * WIDE + 1 are used
 */
enum { WAY(lane_count) = LANES, WAY(panel_width) = LANES * WIDE };

typedef float WAY(lanes) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/*
 * Adds all terms to the sums of `rows` by `wide` registers. With `along`, the left factor's rows are contiguous, and
 * those of the next tile follow this one's; without, each term has lines of its own, which come in time for the next
 * tiles. All three are constants where this is inlined, so that the sums stay in registers.
 */
TARGET INLINE void WAY(add_terms)(WAY(lanes) sum[TALLEST][WIDE], const caviar_cpu_factor *a, const caviar_cpu_factor *b,
                                  int64_t depth, const int rows, const int wide, const int along) {
    const int64_t step = along ? 1 : a->column;
    const float *left = a->data, *line = b->data, *next = along ? left + rows * a->row : NULL;
    for (int64_t k = 0; k < depth; k++, left += step, line += b->row) {
        __builtin_prefetch(along ? next : left + LINE);
        if (along) next += rows;
        WAY(lanes) right[WIDE];
        UNROLLED
        for (int j = 0; j < wide; j++) right[j] = *(const WAY(lanes) *)(line + j * LANES);
        UNROLLED
        for (int i = 0; i < rows; i++) {
            UNROLLED
            for (int j = 0; j < wide; j++) sum[i][j] += left[i * a->row] * right[j];
        }
    }
}

/* A tile of c, which with go_on continues from what c holds. */
TARGET INLINE void WAY(tile)(float *c, int64_t c_row, const caviar_cpu_factor *a, const caviar_cpu_factor *b,
                             int64_t depth, int go_on, const int rows, const int wide) {
    WAY(lanes) sum[TALLEST][WIDE];
    UNROLLED
    for (int i = 0; i < rows; i++) {
        UNROLLED
        for (int j = 0; j < wide; j++)
            sum[i][j] = go_on ? *(const WAY(lanes) *)(c + i * c_row + j * LANES) : (WAY(lanes)){ 0 };
    }
    if (a->column == 1)
        WAY(add_terms)(sum, a, b, depth, rows, wide, 1);
    else
        WAY(add_terms)(sum, a, b, depth, rows, wide, 0);
    UNROLLED
    for (int i = 0; i < rows; i++) {
        UNROLLED
        for (int j = 0; j < wide; j++) *(WAY(lanes) *)(c + i * c_row + j * LANES) = sum[i][j];
    }
}

/* Copies a row of a panel, or what there is of one, by moves of constant sizes: GCC makes `rep movs` of a memcpy of a
 * few. */
TARGET INLINE void WAY(copy_row)(float *to, const float *from, int64_t count) {
    UNROLLED
    for (int64_t size = WAY(panel_width); size > 0; size /= 2)
        if (count & size) {
            memcpy(to, from, (size_t)size * sizeof(float));
            to += size, from += size;
        }
}

/* A tile whose last register reaches beyond the columns of c: by way of one of its own. */
TARGET INLINE void WAY(edge_tile)(float *c, int64_t c_row, const caviar_cpu_factor *a, const caviar_cpu_factor *b,
                                  int64_t depth, int go_on, const int rows, const int wide, int64_t columns) {
    float whole[TALLEST * LANES * WIDE];
    const int64_t width = wide * LANES;
    if (go_on) {
        memset(whole, 0, (size_t)(rows * width) * sizeof(float));
        for (int i = 0; i < rows; i++) WAY(copy_row)(whole + i * width, c + i * c_row, columns);
    }
    WAY(tile)(whole, width, a, b, depth, go_on, rows, wide);
    for (int i = 0; i < rows; i++) WAY(copy_row)(c + i * c_row, whole + i * width, columns);
}

/* Tiles of `tall` rows as long as there are as many; returns how many rows they took. */
TARGET INLINE int64_t WAY(tiles)(float *c, int64_t c_row, caviar_cpu_factor a, const caviar_cpu_factor *b,
                                 int64_t depth, int go_on, int64_t rows, int64_t columns, const int tall,
                                 const int wide) {
    int64_t done = 0;
    for (; done + tall <= rows; done += tall, c += tall * c_row, a.data += tall * a.row) {
        if (columns == wide * LANES)
            WAY(tile)(c, c_row, &a, b, depth, go_on, tall, wide);
        else
            WAY(edge_tile)(c, c_row, &a, b, depth, go_on, tall, wide, columns);
    }
    return done;
}

/* All rows of c beside a panel: tall tiles, then tiles of four rows, then rows. */
TARGET INLINE void WAY(strip)(float *c, int64_t c_row, caviar_cpu_factor a, const caviar_cpu_factor *b, int64_t depth,
                              int go_on, int64_t rows, int64_t columns, const int tall, const int wide) {
    /* Two or three rows that are left make two tiles of four with rows of the last tall tile. */
    const int64_t rest = rows % tall, lends = tall == TALL && rows > tall && (rest == 2 || rest == 3);
    const int64_t fours = lends ? 2 : rest / 4, tall_rows = rows - rest - (lends ? tall : 0);
    const int64_t counts[] = { tall_rows, 4 * fours, rows - tall_rows - 4 * fours };
    const int heights[] = { tall, 4, 1 };
    UNROLLED
    for (int h = 0; h < 3; h++) {
        const int64_t done = WAY(tiles)(c, c_row, a, b, depth, go_on, counts[h], columns, heights[h], wide);
        c += done * c_row, a.data += done * a.row;
    }
}

/* Copies a part of b along its rows, or along its columns where those are contiguous; filled up with zeros. */
TARGET static void WAY(fill_panel)(float *panel, const float *b, int64_t row, int64_t column, int64_t depth,
                                   int64_t columns) {
    const int64_t width = (columns + LANES - 1) / LANES * LANES;
    for (int64_t k = 0; k < depth && columns < width; k++)
        *(WAY(lanes) *)(panel + k * WAY(panel_width) + width - LANES) = (WAY(lanes)){ 0 };
    if (column == 1)
        for (int64_t k = 0; k < depth; k++) WAY(copy_row)(panel + k * WAY(panel_width), b + k * row, columns);
    else
        for (int64_t j = 0; j < columns; j += 4) {
            int64_t k = 0;
            for (; row == 1 && j + 4 <= columns && k + 4 <= depth; k += 4)
                transpose(panel + k * WAY(panel_width) + j, WAY(panel_width), b + j * column + k, column);
            for (; k < depth; k++)
                for (int64_t i = j; i < columns && i < j + 4; i++)
                    panel[k * WAY(panel_width) + i] = b[k * row + i * column];
        }
}

/*
 * How many rows of b are read where they are. In a panel that ends with a part of a register, reads go beyond its
 * columns, which is no harm but in the last rows: a pass of their own, which costs less than many copied panels.
 */
TARGET static int64_t WAY(rows_in_place)(const caviar_cpu_factor *b, int64_t depth, int64_t width) {
    if (b->column != 1 || b->row >= LONG_ROW) return 0;
    if (width % LANES == 0) return depth;
    return depth <= PANEL_DEPTH ? 0 : depth - 1 - (LANES - width % LANES - 1) / b->row;
}

TARGET static void WAY(product)(float *c, int64_t c_row, caviar_cpu_factor a, caviar_cpu_factor b, int64_t rows,
                                int64_t columns, int64_t depth) {
    _Alignas(64) float panel[PANEL_DEPTH * LANES * WIDE];
    const int64_t panels = depth > 0 ? (depth - 1) / PANEL_DEPTH + 1 : 1, even = (depth + panels - 1) / panels;
    for (int64_t j = 0; j < columns; j += WAY(panel_width)) {
        const int64_t width = columns - j < WAY(panel_width) ? columns - j : WAY(panel_width);
        const int64_t in_place = WAY(rows_in_place)(&b, depth, width);
        int64_t k = 0;
        do {
            const int64_t deep = k < in_place ? in_place : depth - k < even ? depth - k : even;
            const caviar_cpu_factor left = { a.data + k * a.column, a.row, a.column };
            caviar_cpu_factor right = { b.data + k * b.row + j * b.column, b.row, 1 };
            if (k >= in_place) {
                WAY(fill_panel)(panel, right.data, b.row, b.column, deep, width);
                right = (caviar_cpu_factor){ panel, WAY(panel_width), 1 };
            }
            switch ((width + LANES - 1) / LANES) {
            case 1: WAY(strip)(c + j, c_row, left, &right, deep, k > 0, rows, width, 2 * TALL, 1); break;
            case 2: WAY(strip)(c + j, c_row, left, &right, deep, k > 0, rows, width, TALL, 2); break;
#if WIDE > 2
            case 3: WAY(strip)(c + j, c_row, left, &right, deep, k > 0, rows, width, TALL, 3); break;
            case 4: WAY(strip)(c + j, c_row, left, &right, deep, k > 0, rows, width, TALL, 4); break;
#endif
            }
            k += deep;
        } while (k < depth);
    }
}

#undef WAY
#undef TARGET
#undef LANES
#undef WIDE
