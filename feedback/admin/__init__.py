"""The desk's pages about feedback: surveys, results and exports."""

from portal.core.desk_pages import guarded_path, permission_needed

from .exports import export_view
from .pages import desk_page
from .results import article_results_view, results_view
from .surveys import SurveyAdmin

__all__ = [
    "SurveyAdmin",
    "article_results_view",
    "desk_page",
    "export_view",
    "guarded_path",
    "permission_needed",
    "results_view",
]
