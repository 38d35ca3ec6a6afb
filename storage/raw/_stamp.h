/* Writes the time of arrival, the first field of a record's header.  The compiled parts include it. */

#include <datetime.h>

#define STAMP_BYTES 44 /* {"received_at":"2026-11-28T10:00:00.000000Z" */

static char *digits(char *place, int value, int count)
{
    for (int left = count; left; value /= 10)
        place[--left] = (char)('0' + value % 10);
    return place + count;
}

/* Writes the stamp of a datetime in UTC. */
static void put_stamp(char *place, PyObject *moment)
{
    memcpy(place, "{\"received_at\":\"", 16);
    place = digits(place + 16, PyDateTime_GET_YEAR(moment), 4);
    *place++ = '-';
    place = digits(place, PyDateTime_GET_MONTH(moment), 2);
    *place++ = '-';
    place = digits(place, PyDateTime_GET_DAY(moment), 2);
    *place++ = 'T';
    place = digits(place, PyDateTime_DATE_GET_HOUR(moment), 2);
    *place++ = ':';
    place = digits(place, PyDateTime_DATE_GET_MINUTE(moment), 2);
    *place++ = ':';
    place = digits(place, PyDateTime_DATE_GET_SECOND(moment), 2);
    *place++ = '.';
    place = digits(place, PyDateTime_DATE_GET_MICROSECOND(moment), 6);
    *place++ = 'Z';
    *place = '"';
}
