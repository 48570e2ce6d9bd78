package otel_test

import (
	"context"
	"log"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/telemetry/otel"
)

// Traces and metrics go to a collector, which OTEL_EXPORTER_OTLP_ENDPOINT names; the
// service is what OTEL_SERVICE_NAME says.
func Example() {
	ctx := context.Background()
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		log.Fatal(err)
	}
	metrics, err := otlpmetrichttp.New(ctx)
	if err != nil {
		log.Fatal(err)
	}
	tracers := sdk.NewTracerProvider(sdk.WithBatcher(spans), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(0.1))))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))

	app := velithon.New(velithon.Options{})
	otel.Instrument(app, otel.Options{TracerProvider: tracers, MeterProvider: meters})
	// ... routes
	err = app.Run(":8080")

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // after the last task
	defer cancel()
	_ = tracers.Shutdown(ctx)
	_ = meters.Shutdown(ctx)
	if err != nil {
		log.Fatal(err) //nolint:gocritic // the process ends
	}
}
