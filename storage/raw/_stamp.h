/* Writes the time of arrival, the first field of a record's header.  The compiled parts include it. */

#include <datetime.h>

#define STAMP_BYTES 44 /* {"received_at":"2026-11-28T10:00:00.000000Z" */
#define MICROSECOND_PLACE 36

static char *digits(char *place, int value, int count)
{
    for (int left = count; left; value /= 10)
        place[--left] = (char)('0' + value % 10);
    return place + count;
}

/* Writes the stamp of a moment in UTC. */
static void put_stamp_of(char *place, int year, int month, int day, int hour, int minute, int second, int microsecond)
{
    memcpy(place, "{\"received_at\":\"", 16);
    place = digits(place + 16, year, 4);
    *place++ = '-';
    place = digits(place, month, 2);
    *place++ = '-';
    place = digits(place, day, 2);
    *place++ = 'T';
    place = digits(place, hour, 2);
    *place++ = ':';
    place = digits(place, minute, 2);
    *place++ = ':';
    place = digits(place, second, 2);
    *place++ = '.';
    place = digits(place, microsecond, 6);
    *place++ = 'Z';
    *place = '"';
}

/* Writes the stamp of a datetime in UTC. */
static inline void put_stamp(char *place, PyObject *moment)
{
    put_stamp_of(place, PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment), PyDateTime_GET_DAY(moment),
                 PyDateTime_DATE_GET_HOUR(moment), PyDateTime_DATE_GET_MINUTE(moment),
                 PyDateTime_DATE_GET_SECOND(moment), PyDateTime_DATE_GET_MICROSECOND(moment));
}
