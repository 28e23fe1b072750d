"""Plug-ins that let LocalStack run this service without Docker and without an account.

LocalStack's own open-source release wants Docker for Lambda functions and a downloaded Java program for DynamoDB. Here
functions run as local processes (``executor``, ``worker``, ``bootstrap``), DynamoDB is moto's (``dynamodb``), an SQS
event source serves as many messages at once as its MaximumConcurrency says (``event_source``), and what buckets,
queues and tables hold outlives the process (``durable``). ``providers`` has the entry points; ``__main__`` starts it.

It is installed into LocalStack's own virtual environment and never imported by the service.
"""
