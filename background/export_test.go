package background

// WaitAfter is the wait of a Retry after the given attempt.
var WaitAfter = (*Retry).wait

// IdleTime is how long a worker without a job stays.
const IdleTime = idleTime
