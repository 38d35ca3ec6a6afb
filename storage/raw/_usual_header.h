/*
 * Recognises the header of a record as this server writes it: these fields in this order, and texts of ASCII.
 *
 * What is recognised can be read (`framing.py:submission_in`); of the others nothing is said.
 */

static const int LAST_DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

typedef struct {
    const unsigned char *place, *end;
} Text;

static int skip(Text *text, const char *expected)
{
    size_t length = strlen(expected);
    if ((size_t)(text->end - text->place) < length || memcmp(text->place, expected, length))
        return 0;
    text->place += length;
    return 1;
}

/* Passes a number of *count* digits; returns -1 where something else follows. */
static int number(Text *text, int count)
{
    int value = 0;
    if (text->end - text->place < count)
        return -1;
    for (; count--; text->place++) {
        if (*text->place < '0' || *text->place > '9')
            return -1;
        value = value * 10 + *text->place - '0';
    }
    return value;
}

static int has_number(Text *text, int count, int first, int last)
{
    int value = number(text, count);
    return first <= value && value <= last;
}

/* Passes the rest of a string, and the quote at its end. */
static int skip_string(Text *text)
{
    for (; text->place < text->end; text->place++) {
        unsigned char byte = *text->place;
        if (byte == '"') {
            text->place++;
            return 1;
        }
        if (byte < ' ' || byte >= 0x7f)
            return 0;
        if (byte == '\\' && (++text->place == text->end || (*text->place != '"' && *text->place != '\\')))
            return 0;
    }
    return 0;
}

/* Passes a date.  That of a leap day is not recognised. */
static int skip_date(Text *text)
{
    if (!has_number(text, 4, 1, 9999) || !skip(text, "-"))
        return 0;
    int month = number(text, 2);
    return 1 <= month && month <= 12 && skip(text, "-") && has_number(text, 2, 1, LAST_DAYS[month - 1]);
}

static int skip_time(Text *text)
{
    return has_number(text, 2, 0, 23) && skip(text, ":") && has_number(text, 2, 0, 59) && skip(text, ":") &&
           has_number(text, 2, 0, 59) && skip(text, ".") && has_number(text, 6, 0, 999999);
}

/* Passes the rest of an object of strings, and the brace at its end. */
static int skip_strings(Text *text)
{
    if (skip(text, "}"))
        return 1;
    do {
        if (!skip(text, "\"") || !skip_string(text) || !skip(text, ":\"") || !skip_string(text))
            return 0;
    } while (skip(text, ","));
    return skip(text, "}");
}

static int is_usual_header(const unsigned char *header, size_t length)
{
    static const char *const needed[] = {",\"path\":\"",     ",\"query\":\"", ",\"method\":\"",
                                         ",\"protocol\":\"", ",\"host\":\"",  NULL};
    static const char *const optional[] = {",\"client_address\":\"", ",\"place\":\"", ",\"fault\":\"", NULL};
    Text text = {header, header + length};
    if (!skip(&text, "{\"received_at\":\"") || !skip_date(&text) || !skip(&text, "T") || !skip_time(&text) ||
        !skip(&text, "Z\""))
        return 0;
    for (const char *const *name = needed; *name; name++)
        if (!skip(&text, *name) || !skip_string(&text))
            return 0;
    if (!skip(&text, ",\"headers\":{") || !skip_strings(&text))
        return 0;
    for (const char *const *name = optional; *name; name++)
        if (skip(&text, *name) && !skip_string(&text))
            return 0;
    return skip(&text, "}") && text.place == text.end;
}
