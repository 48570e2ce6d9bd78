package otel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/velithon-go/velithon/background"
)

// The attributes of tasks, for which there is no convention.
const (
	taskKind    = attribute.Key("velithon.task.kind") // empty for none
	taskName    = attribute.Key("velithon.task.name")
	taskAttempt = attribute.Key("velithon.task.attempt") // from 1
	taskOutcome = attribute.Key("velithon.task.outcome") // of the attempt: succeeded, failed, panicked or canceled
)

// errExit is the error of a task that called runtime.Goexit.
var errExit = errors.New("the task called runtime.Goexit")

// around makes an attempt at a task in a span.
func (i *instruments) around(ctx context.Context, task *background.Task, run func(context.Context) error) (err error) {
	kind, began := task.Kind(), time.Now()
	name := kind
	if name == "" {
		name = valid([]byte(task.Name()))
	}
	options := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began),
		trace.WithAttributes(taskKind.String(kind), taskName.String(valid([]byte(task.Name()))), taskAttempt.Int(background.Attempt(ctx))),
	}
	if from := originOf(ctx); from.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	ctx, span := i.tracer.Start(ctx, name, options...)
	err = errExit
	defer func() { // also when run ends the goroutine
		i.taskEnded(ctx, span, kind, time.Since(began), err)
	}()
	return run(ctx)
}

// originOf returns the span that a task comes from: that of its request or, if it was
// stored, the one in its record.
func originOf(ctx context.Context) trace.SpanContext {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span
	}
	if o := background.OriginOf(ctx); o != nil {
		return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(o.Values)))
	}
	return trace.SpanContext{}
}

func (i *instruments) taskEnded(ctx context.Context, span trace.Span, kind string, took time.Duration, err error) {
	outcome := outcomeOf(ctx, err)
	if span.IsRecording() {
		span.SetAttributes(taskOutcome.String(outcome))
		if err != nil {
			record(span, err)
			span.SetAttributes(semconv.ErrorTypeKey.String(typeOf(err)))
			span.SetStatus(codes.Error, textOf(err))
		}
	}
	span.End()
	i.tasks.add(ctx, kind, outcome, took)
}

// outcomeOf says how an attempt has ended.
func outcomeOf(ctx context.Context, err error) string {
	_, panicked := panicOf(err)
	switch {
	case err == nil:
		return "succeeded"
	case panicked:
		return "panicked"
	case isCanceled(context.Cause(ctx)):
		return "canceled"
	}
	return "failed"
}

// isCanceled reports whether a cause, which may be the service's and panic, is that of a
// handle's Cancel.
func isCanceled(cause error) bool {
	defer func() { _ = recover() }()
	return errors.Is(cause, background.ErrCanceled)
}

// taskTimes is the histogram of attempts at tasks.
type taskTimes struct{ seconds metric.Float64Histogram }

func newTaskTimes(meter metric.Meter) *taskTimes {
	seconds, err := meter.Float64Histogram("velithon.task.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of attempts at background tasks."),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600))
	if err != nil {
		otel.Handle(err)
	}
	return &taskTimes{seconds}
}

func (t *taskTimes) add(ctx context.Context, kind, outcome string, took time.Duration) {
	t.seconds.Record(ctx, took.Seconds(), metric.WithAttributes(taskKind.String(kind), taskOutcome.String(outcome)))
}
