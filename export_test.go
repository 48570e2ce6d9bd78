package velithon

// The defaults, for tests.
const (
	DefaultBodyLimit       = defaultBodyLimit
	DefaultHeaderLimit     = defaultHeaderLimit
	DefaultReadTimeout     = defaultReadTimeout
	DefaultWriteTimeout    = defaultWriteTimeout
	DefaultIdleTimeout     = defaultIdleTimeout
	DefaultShutdownTimeout = defaultShutdownTimeout
	DefaultMaxConnections  = defaultMaxConnections
)

// DescribeTo sets what only a linker sets otherwise.
func DescribeTo(file string) { describeTo = file }
