package background_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
)

func TestKindsDescribeThemselves(t *testing.T) {
	send := func(context.Context, []string) error { return nil }
	assert.Equal(t, background.KindDescription{
		Name: "send", Argument: reflect.TypeFor[[]string](), Timeout: time.Second, Retry: background.Retry{Attempts: 3},
	}, background.Define("send", send, background.Timeout(time.Second), background.Retry{Attempts: 3}).Describe())
	assert.Equal(t, background.KindDescription{Name: "plain", Argument: reflect.TypeFor[[]string]()}, background.Define("plain", send).Describe())
}
