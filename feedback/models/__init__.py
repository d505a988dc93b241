"""The agreement-scale survey: what was asked, word for word, and what was answered."""

from .drafts import DraftStatement
from .exports import (
    FILE_VALIDITY,
    MAX_ATTEMPTS,
    ExportError,
    ExportJob,
    ExportStatus,
)
from .impressions import Impressions
from .published import (
    PublishedSurvey,
    current_survey_version,
    items_by_version,
    level_labels,
    load_survey_of,
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
from .tallies import ALL_READERS, COUNTS_PER_STATEMENT, Tally, TallyChange, TallyState

__all__ = [
    "ALL_READERS",
    "COUNTS_PER_STATEMENT",
    "FILE_VALIDITY",
    "MAX_ATTEMPTS",
    "MAX_COMMENT_LENGTH",
    "NOT_APPLICABLE",
    "ArticleSurvey",
    "DraftStatement",
    "ExportError",
    "ExportJob",
    "ExportStatus",
    "HiddenComment",
    "Impressions",
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
    "Tally",
    "TallyChange",
    "TallyState",
    "current_survey_version",
    "items_by_version",
    "level_labels",
    "load_survey_of",
    "load_survey_version",
]
