import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    EXCEL: _ClassVar[Format]
    CSV: _ClassVar[Format]
    JSON_LINES: _ClassVar[Format]
    PARQUET: _ClassVar[Format]

class DataType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRING: _ClassVar[DataType]
    NUMBER: _ClassVar[DataType]
    DATE: _ClassVar[DataType]
    BOOLEAN: _ClassVar[DataType]

class TaskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_STATE_UNSPECIFIED: _ClassVar[TaskState]
    QUEUED: _ClassVar[TaskState]
    PROCESSING: _ClassVar[TaskState]
    UPLOADING: _ClassVar[TaskState]
    COMPLETED: _ClassVar[TaskState]
    FAILED: _ClassVar[TaskState]
    CANCELLED: _ClassVar[TaskState]
    EXPIRED: _ClassVar[TaskState]
    SCHEDULED: _ClassVar[TaskState]

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    INITIALIZED: _ClassVar[Stage]
    WRITING: _ClassVar[Stage]
    FINALIZING: _ClassVar[Stage]
FORMAT_UNSPECIFIED: Format
EXCEL: Format
CSV: Format
JSON_LINES: Format
PARQUET: Format
STRING: DataType
NUMBER: DataType
DATE: DataType
BOOLEAN: DataType
TASK_STATE_UNSPECIFIED: TaskState
QUEUED: TaskState
PROCESSING: TaskState
UPLOADING: TaskState
COMPLETED: TaskState
FAILED: TaskState
CANCELLED: TaskState
EXPIRED: TaskState
SCHEDULED: TaskState
STAGE_UNSPECIFIED: Stage
INITIALIZED: Stage
WRITING: Stage
FINALIZING: Stage

class ColumnDefinition(_message.Message):
    __slots__ = ("name", "data_type", "width", "format", "key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    data_type: DataType
    width: int
    format: str
    key: str
    def __init__(self, name: _Optional[str] = ..., data_type: _Optional[_Union[DataType, str]] = ..., width: _Optional[int] = ..., format: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class FormatOptions(_message.Message):
    __slots__ = ("csv_delimiter", "csv_encoding", "excel_sheet_name", "excel_start_row", "compression_enabled", "preset", "csv_null", "injection_guard", "on_bad_value", "on_unmappable", "on_control_character", "row_overflow", "timezone", "csv_rows_empty")
    CSV_DELIMITER_FIELD_NUMBER: _ClassVar[int]
    CSV_ENCODING_FIELD_NUMBER: _ClassVar[int]
    EXCEL_SHEET_NAME_FIELD_NUMBER: _ClassVar[int]
    EXCEL_START_ROW_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_ENABLED_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    CSV_NULL_FIELD_NUMBER: _ClassVar[int]
    INJECTION_GUARD_FIELD_NUMBER: _ClassVar[int]
    ON_BAD_VALUE_FIELD_NUMBER: _ClassVar[int]
    ON_UNMAPPABLE_FIELD_NUMBER: _ClassVar[int]
    ON_CONTROL_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    ROW_OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    CSV_ROWS_EMPTY_FIELD_NUMBER: _ClassVar[int]
    csv_delimiter: str
    csv_encoding: str
    excel_sheet_name: str
    excel_start_row: int
    compression_enabled: bool
    preset: str
    csv_null: str
    injection_guard: str
    on_bad_value: str
    on_unmappable: str
    on_control_character: str
    row_overflow: str
    timezone: str
    csv_rows_empty: str
    def __init__(self, csv_delimiter: _Optional[str] = ..., csv_encoding: _Optional[str] = ..., excel_sheet_name: _Optional[str] = ..., excel_start_row: _Optional[int] = ..., compression_enabled: _Optional[bool] = ..., preset: _Optional[str] = ..., csv_null: _Optional[str] = ..., injection_guard: _Optional[str] = ..., on_bad_value: _Optional[str] = ..., on_unmappable: _Optional[str] = ..., on_control_character: _Optional[str] = ..., row_overflow: _Optional[str] = ..., timezone: _Optional[str] = ..., csv_rows_empty: _Optional[str] = ...) -> None: ...

class SheetDefinition(_message.Message):
    __slots__ = ("name", "columns")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    name: str
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDefinition]
    def __init__(self, name: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[ColumnDefinition, _Mapping]]] = ...) -> None: ...

class ExportMetadata(_message.Message):
    __slots__ = ("request_id", "format", "filename", "columns", "options", "expected_rows", "ack_every", "priority", "tags", "wait_seconds", "sheets", "owner", "retention_seconds", "callback")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    ACK_EVERY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SHEETS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    RETENTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CALLBACK_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    format: Format
    filename: str
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDefinition]
    options: FormatOptions
    expected_rows: int
    ack_every: int
    priority: int
    tags: _containers.ScalarMap[str, str]
    wait_seconds: int
    sheets: _containers.RepeatedCompositeFieldContainer[SheetDefinition]
    owner: str
    retention_seconds: int
    callback: str
    def __init__(self, request_id: _Optional[str] = ..., format: _Optional[_Union[Format, str]] = ..., filename: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[ColumnDefinition, _Mapping]]] = ..., options: _Optional[_Union[FormatOptions, _Mapping]] = ..., expected_rows: _Optional[int] = ..., ack_every: _Optional[int] = ..., priority: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., wait_seconds: _Optional[int] = ..., sheets: _Optional[_Iterable[_Union[SheetDefinition, _Mapping]]] = ..., owner: _Optional[str] = ..., retention_seconds: _Optional[int] = ..., callback: _Optional[str] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("values", "null_bitmap")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    NULL_BITMAP_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    null_bitmap: bytes
    def __init__(self, values: _Optional[_Iterable[str]] = ..., null_bitmap: _Optional[bytes] = ...) -> None: ...

class RecordBatch(_message.Message):
    __slots__ = ("records", "batch_sequence", "json_rows", "csv_rows", "sheet")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    JSON_ROWS_FIELD_NUMBER: _ClassVar[int]
    CSV_ROWS_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    batch_sequence: int
    json_rows: bytes
    csv_rows: bytes
    sheet: int
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., batch_sequence: _Optional[int] = ..., json_rows: _Optional[bytes] = ..., csv_rows: _Optional[bytes] = ..., sheet: _Optional[int] = ...) -> None: ...

class Finish(_message.Message):
    __slots__ = ("expected_rows",)
    EXPECTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    expected_rows: int
    def __init__(self, expected_rows: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class ExportRequest(_message.Message):
    __slots__ = ("metadata", "batch", "finish", "resume")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    metadata: ExportMetadata
    batch: RecordBatch
    finish: Finish
    resume: Resume
    def __init__(self, metadata: _Optional[_Union[ExportMetadata, _Mapping]] = ..., batch: _Optional[_Union[RecordBatch, _Mapping]] = ..., finish: _Optional[_Union[Finish, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ...) -> None: ...

class TaskCreated(_message.Message):
    __slots__ = ("task_id", "status", "next_sequence", "max_message_bytes", "rows_received")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    status: TaskState
    next_sequence: int
    max_message_bytes: int
    rows_received: int
    def __init__(self, task_id: _Optional[str] = ..., status: _Optional[_Union[TaskState, str]] = ..., next_sequence: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., rows_received: _Optional[int] = ...) -> None: ...

class BatchAck(_message.Message):
    __slots__ = ("batch_sequence", "rows", "bytes")
    BATCH_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    batch_sequence: int
    rows: int
    bytes: int
    def __init__(self, batch_sequence: _Optional[int] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class FidelityIssue(_message.Message):
    __slots__ = ("kind", "cells", "first_row", "first_column")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    FIRST_COLUMN_FIELD_NUMBER: _ClassVar[int]
    kind: str
    cells: int
    first_row: int
    first_column: int
    def __init__(self, kind: _Optional[str] = ..., cells: _Optional[int] = ..., first_row: _Optional[int] = ..., first_column: _Optional[int] = ...) -> None: ...

class ExportResult(_message.Message):
    __slots__ = ("task_id", "status", "oss_url", "file_size_bytes", "record_count", "progress_percent", "checksum_sha256", "error_message", "error_code", "start_time", "completion_time", "fidelity", "link_expires", "next_attempt_time", "error_context", "rows_received", "file_expires")
    class ErrorContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OSS_URL_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_SHA256_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TIME_FIELD_NUMBER: _ClassVar[int]
    FIDELITY_FIELD_NUMBER: _ClassVar[int]
    LINK_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ROWS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    FILE_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    status: TaskState
    oss_url: str
    file_size_bytes: int
    record_count: int
    progress_percent: float
    checksum_sha256: str
    error_message: str
    error_code: str
    start_time: _timestamp_pb2.Timestamp
    completion_time: _timestamp_pb2.Timestamp
    fidelity: _containers.RepeatedCompositeFieldContainer[FidelityIssue]
    link_expires: _timestamp_pb2.Timestamp
    next_attempt_time: _timestamp_pb2.Timestamp
    error_context: _containers.ScalarMap[str, str]
    rows_received: int
    file_expires: _timestamp_pb2.Timestamp
    def __init__(self, task_id: _Optional[str] = ..., status: _Optional[_Union[TaskState, str]] = ..., oss_url: _Optional[str] = ..., file_size_bytes: _Optional[int] = ..., record_count: _Optional[int] = ..., progress_percent: _Optional[float] = ..., checksum_sha256: _Optional[str] = ..., error_message: _Optional[str] = ..., error_code: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completion_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., fidelity: _Optional[_Iterable[_Union[FidelityIssue, _Mapping]]] = ..., link_expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_context: _Optional[_Mapping[str, str]] = ..., rows_received: _Optional[int] = ..., file_expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExportResponse(_message.Message):
    __slots__ = ("task_created", "ack", "result")
    TASK_CREATED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    task_created: TaskCreated
    ack: BatchAck
    result: ExportResult
    def __init__(self, task_created: _Optional[_Union[TaskCreated, _Mapping]] = ..., ack: _Optional[_Union[BatchAck, _Mapping]] = ..., result: _Optional[_Union[ExportResult, _Mapping]] = ...) -> None: ...

class CreateExportRequest(_message.Message):
    __slots__ = ("metadata", "provider", "parameters_json", "run_at")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_FIELD_NUMBER: _ClassVar[int]
    metadata: ExportMetadata
    provider: str
    parameters_json: str
    run_at: _timestamp_pb2.Timestamp
    def __init__(self, metadata: _Optional[_Union[ExportMetadata, _Mapping]] = ..., provider: _Optional[str] = ..., parameters_json: _Optional[str] = ..., run_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TaskStatusRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class WatchTaskRequest(_message.Message):
    __slots__ = ("task_id", "min_interval_ms")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    min_interval_ms: int
    def __init__(self, task_id: _Optional[str] = ..., min_interval_ms: _Optional[int] = ...) -> None: ...

class CancelTaskRequest(_message.Message):
    __slots__ = ("task_id", "reason")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    reason: str
    def __init__(self, task_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RetryTaskRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class DeleteExportRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class TaskStatus(_message.Message):
    __slots__ = ("task_id", "status", "format", "filename", "records_processed", "progress_percent", "oss_url", "file_size_bytes", "error_message", "error_code", "start_time", "completion_time", "estimated_time_remaining", "stage", "expected_rows", "attempt", "request_id", "client", "created_time", "next_sequence", "checksum_sha256", "fidelity", "rows_per_second", "next_attempt_time", "error_context", "link_expires", "file_expires", "rows_received", "cancel_reason", "owner")
    class ErrorContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    RECORDS_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    OSS_URL_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TIME_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_TIME_REMAINING_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_SHA256_FIELD_NUMBER: _ClassVar[int]
    FIDELITY_FIELD_NUMBER: _ClassVar[int]
    ROWS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    LINK_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    FILE_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    ROWS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REASON_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    status: TaskState
    format: Format
    filename: str
    records_processed: int
    progress_percent: float
    oss_url: str
    file_size_bytes: int
    error_message: str
    error_code: str
    start_time: _timestamp_pb2.Timestamp
    completion_time: _timestamp_pb2.Timestamp
    estimated_time_remaining: int
    stage: Stage
    expected_rows: int
    attempt: int
    request_id: str
    client: str
    created_time: _timestamp_pb2.Timestamp
    next_sequence: int
    checksum_sha256: str
    fidelity: _containers.RepeatedCompositeFieldContainer[FidelityIssue]
    rows_per_second: float
    next_attempt_time: _timestamp_pb2.Timestamp
    error_context: _containers.ScalarMap[str, str]
    link_expires: _timestamp_pb2.Timestamp
    file_expires: _timestamp_pb2.Timestamp
    rows_received: int
    cancel_reason: str
    owner: str
    def __init__(self, task_id: _Optional[str] = ..., status: _Optional[_Union[TaskState, str]] = ..., format: _Optional[_Union[Format, str]] = ..., filename: _Optional[str] = ..., records_processed: _Optional[int] = ..., progress_percent: _Optional[float] = ..., oss_url: _Optional[str] = ..., file_size_bytes: _Optional[int] = ..., error_message: _Optional[str] = ..., error_code: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completion_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., estimated_time_remaining: _Optional[int] = ..., stage: _Optional[_Union[Stage, str]] = ..., expected_rows: _Optional[int] = ..., attempt: _Optional[int] = ..., request_id: _Optional[str] = ..., client: _Optional[str] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_sequence: _Optional[int] = ..., checksum_sha256: _Optional[str] = ..., fidelity: _Optional[_Iterable[_Union[FidelityIssue, _Mapping]]] = ..., rows_per_second: _Optional[float] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_context: _Optional[_Mapping[str, str]] = ..., link_expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., file_expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rows_received: _Optional[int] = ..., cancel_reason: _Optional[str] = ..., owner: _Optional[str] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("states", "filename_contains", "page_size", "page_token", "owner", "formats", "created_after", "created_before")
    STATES_FIELD_NUMBER: _ClassVar[int]
    FILENAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FORMATS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[TaskState]
    filename_contains: str
    page_size: int
    page_token: str
    owner: str
    formats: _containers.RepeatedScalarFieldContainer[Format]
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    def __init__(self, states: _Optional[_Iterable[_Union[TaskState, str]]] = ..., filename_contains: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., owner: _Optional[str] = ..., formats: _Optional[_Iterable[_Union[Format, str]]] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskStatus]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskStatus, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
