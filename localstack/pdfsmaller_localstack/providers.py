"""LocalStack's services as this project needs them: its own ones, completed. The entry points name these."""

from __future__ import annotations

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    from pdfsmaller_localstack import dynamodb as ours
    from pdfsmaller_localstack.durable import tables

    return Service.for_provider(
        ours.Provider(), dispatch_table_factory=lambda provider: ours.dispatch_table(provider, tables.after)
    )


@aws_provider(api="s3", name="durable")
def s3() -> Service:
    from pdfsmaller_localstack import events
    from pdfsmaller_localstack.durable.buckets import Provider

    events.install()
    return Service.for_provider(Provider())


@aws_provider(api="sqs", name="durable")
def sqs() -> Service:
    from pdfsmaller_localstack.durable.queues import Provider

    return Service.for_provider(Provider())


@aws_provider(api="lambda", name="process")
def lambda_() -> Service:
    from localstack.services.lambda_.provider import LambdaProvider

    from pdfsmaller_localstack import event_source

    event_source.install()
    return Service.for_provider(LambdaProvider())


@aws_provider(api="cloudformation", name="stable")
def cloudformation() -> Service:
    from pdfsmaller_localstack import formation

    formation.install()
    return Service.for_provider(formation.Provider())
