package params

import (
	"errors"
	"time"
)

// A Date is a day of the calendar, without a time and without a time zone. In JSON and
// as a parameter it is the text "2026-12-01", the full-date of RFC 3339. The zero Date is
// 0001-01-01, as the zero [time.Time] is. Dates are compared with ==, and may be keys of
// a map. Rules judge a Date as its midnight in UTC, as in gtefield=From.
type Date struct{ midnight time.Time } // in UTC

// NewDate returns a day of a month. A day that the month does not have is one of
// another month, as [time.Date] has it: 32 October is 1 November.
func NewDate(year int, month time.Month, day int) Date {
	return Date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// DateOf returns the day that it is at t, in the time zone of t.
func DateOf(t time.Time) Date { return NewDate(t.Date()) }

// In returns the moment at which the day begins in a time zone.
func (d Date) In(zone *time.Location) time.Time {
	year, month, day := d.midnight.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// Compare returns -1 if d is before other, +1 if it is after it, and 0 if they are the
// same day.
func (d Date) Compare(other Date) int { return d.midnight.Compare(other.midnight) }

// IsZero reports whether d is the zero Date, as omitzero asks.
func (d Date) IsZero() bool { return d == Date{} }

// String returns the day as in "2026-12-01".
func (d Date) String() string { return d.midnight.Format(time.DateOnly) }

// ValidatorValue returns midnight in UTC, for the rules of a validate tag.
func (d Date) ValidatorValue() any { return d.midnight }

// errYear is the error of a day that has no text.
var errYear = errors.New("params: a Date is from the year 0 to the year 9999")

// MarshalText returns the day as in "2026-12-01". It fails for a year that has not four
// digits.
func (d Date) MarshalText() ([]byte, error) {
	if year := d.midnight.Year(); year < 0 || year > 9999 {
		return nil, errYear
	}
	return d.midnight.AppendFormat(nil, time.DateOnly), nil
}

// UnmarshalText reads a day as in "2026-12-01".
func (d *Date) UnmarshalText(text []byte) error {
	midnight, err := time.Parse(time.DateOnly, string(text))
	if err == nil {
		*d = Date{midnight}
	}
	return err
}

// A Duration is a [time.Duration] that is a text in JSON, such as "1h30m", and not a
// number of nanoseconds: what [time.ParseDuration] reads. As a parameter it is the same.
// Rules judge it as they judge a time.Duration, as in min=1m.
type Duration time.Duration

// String returns the duration as in "1h30m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// ValidatorValue returns the time.Duration, for the rules of a validate tag.
func (d Duration) ValidatorValue() any { return time.Duration(d) }

// MarshalText returns the duration as in "1h30m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration as in "1h30m".
func (d *Duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err == nil {
		*d = Duration(read)
	}
	return err
}
