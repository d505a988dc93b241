"""The agreement-scale survey: what was asked, word for word, and what was answered."""

from .exports import (
    FILE_VALIDITY,
    MAX_ATTEMPTS,
    ExportError,
    ExportJob,
    ExportStatus,
)
from .published import (
    PublishedSurvey,
    current_survey_version,
    items_by_version,
    load_survey_version,
)
from .responses import HiddenComment, Response, ResponseBase, ResponseHistory
from .surveys import (
    MAX_COMMENT_LENGTH,
    NOT_APPLICABLE,
    ArticleSurvey,
    Level,
    Outcome,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
)

__all__ = [
    "FILE_VALIDITY",
    "MAX_ATTEMPTS",
    "MAX_COMMENT_LENGTH",
    "NOT_APPLICABLE",
    "ArticleSurvey",
    "ExportError",
    "ExportJob",
    "ExportStatus",
    "HiddenComment",
    "Level",
    "Outcome",
    "PublishedSurvey",
    "Response",
    "ResponseBase",
    "ResponseHistory",
    "Statement",
    "StatementWording",
    "Survey",
    "SurveyItem",
    "SurveyVersion",
    "current_survey_version",
    "items_by_version",
    "load_survey_version",
]
