"""The ports on AWS: rows in DynamoDB, messages in SQS, files in S3. An emulator is spoken to in the same way."""
