"""Who brought whom, and what it earned: one file per noun."""

from referrals.models.attributions import Attribution, Claim, FormerCustomer
from referrals.models.baskets import SharedCart, SharedCartLine
from referrals.models.campaigns import Budget, Campaign, Exclusion, Milestone, Terms
from referrals.models.invitations import Invitation, Suppression
from referrals.models.links import (
    CampaignDay,
    Code,
    FunnelDay,
    LinkDay,
    ReferralLink,
)
from referrals.models.members import MemberChoices, Notice
from referrals.models.names import NameCase, NameDecision, NameReport
from referrals.models.rewards import (
    GrantWord,
    InviterQuota,
    MilestoneReward,
    Reward,
    Settlement,
    Unsettled,
)
from referrals.models.risk import (
    Block,
    Device,
    ReleasePause,
    ReviewCase,
    ReviewDecision,
    RiskSignal,
)
from referrals.models.visits import Activity, OrderTouch, Visit, Visitor

__all__ = [
    "Activity",
    "Attribution",
    "Block",
    "Budget",
    "Campaign",
    "CampaignDay",
    "Claim",
    "Code",
    "Device",
    "Exclusion",
    "FormerCustomer",
    "FunnelDay",
    "GrantWord",
    "Invitation",
    "InviterQuota",
    "LinkDay",
    "MemberChoices",
    "Milestone",
    "MilestoneReward",
    "NameCase",
    "NameDecision",
    "NameReport",
    "Notice",
    "OrderTouch",
    "ReferralLink",
    "ReleasePause",
    "ReviewCase",
    "ReviewDecision",
    "Reward",
    "RiskSignal",
    "Settlement",
    "SharedCart",
    "SharedCartLine",
    "Suppression",
    "Terms",
    "Unsettled",
    "Visit",
    "Visitor",
]
